"""OpenTelemetry spans after the GenAI semantic conventions; only with the `otel` extra.

A run is an `invoke_agent` span; its model and tool calls are children whose times come from the committed events, so
that a trace shows what the log shows. The trace id is the run's id: a run that changes workers stays one trace.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event as SpanEvent
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
)
from opentelemetry.util.types import Attributes, AttributeValue

from hortus_agents.events import TERMINAL_EVENTS, Event, ModelCalled, RunFailed, ToolFinished
from hortus_server.domain.ids import RunId
from hortus_server.domain.records import Claim, JobKind
from hortus_server.ports.observer import JobEnd, RunEnd
from hortus_server.telemetry.blotting import blotted


class BlottingExporter(SpanExporter):
    """Exports spans without known secrets: names, attributes, events with the exceptions in them, links, status."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """See SpanExporter."""
        return self._exporter.export([_without_secrets(span) for span in spans])

    def shutdown(self) -> None:
        """See SpanExporter."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """See SpanExporter."""
        return self._exporter.force_flush(timeout_millis)


class SpanObserver:
    """Implements RunObserver. Export happens in a thread of the SDK; `close` sends what is left."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._provider = TracerProvider(resource=Resource.create({"service.name": "hortus-worker"}))
        self._provider.add_span_processor(BatchSpanProcessor(BlottingExporter(exporter)))
        self._tracer = self._provider.get_tracer("hortus")
        self._runs: dict[RunId, Span] = {}

    @property
    def tracer(self) -> Tracer:
        """What makes this process's spans."""
        return self._tracer

    def run_claimed(self, claim: Claim) -> None:
        """See RunObserver."""
        run = claim.run
        self._runs[run.id] = self._tracer.start_span(
            f"invoke_agent {claim.agent_name}",
            context=trace.set_span_in_context(NonRecordingSpan(_trace_of(run.id))),
            kind=SpanKind.INTERNAL,
            attributes={
                "gen_ai.operation.name": "invoke_agent",
                "gen_ai.agent.id": str(run.agent_id),
                "gen_ai.agent.name": claim.agent_name,
                "gen_ai.conversation.id": str(run.session_id),
                "hortus.run.id": str(run.id),
                "hortus.run.generation": claim.generation,
                "hortus.tenant.id": str(run.tenant_id),
            },
        )

    def claim_missed(self) -> None:
        """See RunObserver."""

    def events_committed(self, claim: Claim, events: Sequence[Event], *, duration_s: float) -> None:  # noqa: ARG002
        """See RunObserver."""
        parent = self._runs.get(claim.run.id)
        if parent is None:
            return
        for event in events:
            match event.payload:
                case ModelCalled() as call:
                    self._model_span(parent, call, event.at)
                case ToolFinished() as tool:
                    self._tool_span(parent, tool, event.at)
                case RunFailed() as failure:
                    parent.set_attribute("error.type", failure.code)
                    parent.set_status(Status(StatusCode.ERROR, failure.code))
                case _:
                    pass
            if event.type in TERMINAL_EVENTS:
                parent.set_attribute("hortus.run.status", event.type.removeprefix("run."))

    def delta_published(self, claim: Claim) -> None:
        """See RunObserver."""

    def run_left(self, claim: Claim, end: RunEnd) -> None:
        """See RunObserver."""
        span = self._runs.pop(claim.run.id, None)
        if span is not None:
            span.set_attribute("hortus.run.left", end)
            span.end()

    def job_ended(self, kind: JobKind, end: JobEnd) -> None:
        """See RunObserver."""

    def close(self) -> None:
        """Send what waits; takes seconds when the collector is down."""
        self._provider.shutdown()

    def _model_span(self, parent: Span, call: ModelCalled, ended_at: datetime) -> None:
        attributes: dict[str, str | int | tuple[str, ...]] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": call.model,
            "gen_ai.response.model": call.model,
            "gen_ai.response.finish_reasons": (call.finish_reason,),
            "gen_ai.usage.input_tokens": call.usage.prompt_tokens,
            "gen_ai.usage.output_tokens": call.usage.completion_tokens,
            "hortus.purpose": call.purpose,
        }
        began_at = ended_at - timedelta(milliseconds=call.duration_ms)
        span = self._child(parent, f"chat {call.model}", began_at, SpanKind.CLIENT)
        span.set_attributes(attributes)
        span.end(_nanoseconds(ended_at))

    def _tool_span(self, parent: Span, tool: ToolFinished, ended_at: datetime) -> None:
        began_at = ended_at - timedelta(milliseconds=tool.duration_ms)
        span = self._child(parent, f"execute_tool {tool.name}", began_at, SpanKind.INTERNAL)
        span.set_attributes(
            {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": tool.name,
                "gen_ai.tool.call.id": tool.call_id,
                "hortus.tool.outcome": tool.outcome,
            }
        )
        if tool.outcome == "failed":
            span.set_status(Status(StatusCode.ERROR))
        span.end(_nanoseconds(ended_at))

    def _child(self, parent: Span, name: str, began_at: datetime, kind: SpanKind) -> Span:
        return self._tracer.start_span(
            name, context=trace.set_span_in_context(parent), kind=kind, start_time=_nanoseconds(began_at)
        )


def open_span_observer() -> SpanObserver:
    """Exports over OTLP/HTTP to where the standard OTEL_EXPORTER_OTLP_* variables point."""
    return SpanObserver(OTLPSpanExporter())


def _without_secrets(span: ReadableSpan) -> ReadableSpan:
    status = span.status
    return ReadableSpan(
        name=blotted(span.name),
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_attributes(span.attributes),
        events=[
            SpanEvent(blotted(event.name), _attributes(event.attributes), event.timestamp) for event in span.events
        ],
        links=[Link(link.context, _attributes(link.attributes)) for link in span.links],
        kind=span.kind,
        instrumentation_scope=span.instrumentation_scope,
        status=Status(status.status_code, None if status.description is None else blotted(status.description)),
        start_time=span.start_time,
        end_time=span.end_time,
    )


def _attributes(attributes: Attributes) -> dict[str, AttributeValue]:
    return {blotted(key): _attribute(value) for key, value in (attributes or {}).items()}


def _attribute(value: AttributeValue) -> AttributeValue:
    if isinstance(value, str):
        return blotted(value)
    if isinstance(value, Sequence) and any(isinstance(item, str) for item in value):
        return [blotted(str(item)) for item in value]
    return value


def _trace_of(run_id: UUID) -> SpanContext:
    number = run_id.int
    return SpanContext(
        trace_id=number,
        span_id=number & (2**64 - 1) or 1,
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000) * 1_000
