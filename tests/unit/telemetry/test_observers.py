from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry

from hortus_agents.events import Event, EventPayload, ModelCalled, RunSucceeded, ToolFinished
from hortus_agents.limits import RunLimits, Spent
from hortus_agents.messages import Usage
from hortus_agents.spec import AgentSpec
from hortus_agents.tools.redaction import BLOTTED, Redactor
from hortus_server.domain.records import Claim, Run
from hortus_server.telemetry.blotting import blotting
from hortus_server.telemetry.metrics import PrometheusObserver
from hortus_server.telemetry.spans import SpanObserver

NOW = datetime(2026, 11, 2, tzinfo=UTC)


@pytest.fixture
def claim() -> Claim:
    run = Run(
        id=uuid4(), tenant_id=uuid4(), session_id=uuid4(), agent_id=uuid4(), agent_version_id=uuid4(),
        status="running", queued_seq=2, generation=2, worker_id="w", lease_until=NOW, cancel_requested_at=None,
        limits=RunLimits(), output=None, error_code=None, error_message=None, total_tokens=0,
        created_at=NOW - timedelta(seconds=3), started_at=NOW, finished_at=None,
    )  # fmt: skip
    return Claim(run=run, spec=AgentSpec(), agent_name="gardener", agent_version=1, generation=2, lease_until=NOW)


def events(claim: Claim) -> list[Event]:
    payloads: list[EventPayload] = [
        ModelCalled(
            message_id=uuid4(), model="m", tool_mode="native", text="", finish_reason="stop",
            usage=Usage(prompt_tokens=11, completion_tokens=5), duration_ms=800, first_token_ms=90,
            prompt_sha256="0" * 64,
        ),
        ToolFinished(call_id="c", name="calculate", outcome="ok", content="4", duration_ms=2),
        ToolFinished(call_id="d", name="roman", outcome="failed", content="no", duration_ms=2),
        RunSucceeded(spent=Spent(), usage=Usage()),
    ]  # fmt: skip
    return [
        Event(session_id=claim.run.session_id, seq=place, run_id=claim.run.id, step=1, type=payload.type, at=NOW,
              payload=payload)
        for place, payload in enumerate(payloads, start=1)
    ]  # fmt: skip


def test_metrics_are_counted_from_committed_events(claim: Claim) -> None:
    registry = CollectorRegistry()
    observer = PrometheusObserver(registry)
    observer.run_claimed(claim)
    observer.events_committed(claim, events(claim), duration_s=0.002)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    assert value("hortus_run_claims_total", kind="takeover") == 1
    assert value("hortus_runs_active") == 1
    assert value("hortus_runs_ended_total", status="succeeded") == 1
    assert value("hortus_run_duration_seconds_sum", status="succeeded") == 3
    assert value("hortus_tokens_total", model="m", kind="prompt") == 11
    assert value("hortus_model_call_duration_seconds_sum", model="m", purpose="act") == 0.8
    assert value("hortus_tool_calls_total", tool="calculate", outcome="ok") == 1
    assert value("hortus_tool_calls_total", tool="evolved", outcome="failed") == 1
    observer.run_left(claim, "lost")
    assert value("hortus_runs_active") == 0
    assert value("hortus_runs_left_total", why="lost") == 1


def test_a_run_is_one_trace_named_after_its_id(claim: Claim) -> None:
    exporter = InMemorySpanExporter()
    observer = SpanObserver(exporter)
    observer.run_claimed(claim)
    observer.events_committed(claim, events(claim), duration_s=0.002)
    observer.run_left(claim, "finished")
    observer.close()
    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert set(spans) == {"invoke_agent gardener", "chat m", "execute_tool calculate", "execute_tool roman"}
    root = spans["invoke_agent gardener"]
    assert {span.context.trace_id for span in spans.values()} == {claim.run.id.int}
    assert spans["chat m"].parent.span_id == root.context.span_id
    assert spans["chat m"].end_time - spans["chat m"].start_time == 800_000_000
    assert spans["chat m"].attributes["gen_ai.usage.input_tokens"] == 11
    assert root.attributes["hortus.run.status"] == "succeeded"
    assert not spans["execute_tool roman"].status.is_ok


def test_no_span_that_is_exported_tells_a_secret(claim: Claim) -> None:
    secret = "s3cr3t/token+value"
    exporter = InMemorySpanExporter()
    observer = SpanObserver(exporter)
    named = replace(claim, agent_name=f"of {secret}")
    observer.run_claimed(named)
    failed = ToolFinished(call_id=secret, name=secret, outcome="failed", content=secret, duration_ms=2)
    told = Event(
        session_id=claim.run.session_id, seq=1, run_id=claim.run.id, step=1, type=failed.type, at=NOW, payload=failed
    )
    observer.events_committed(named, [told], duration_s=0.002)
    observer.run_left(named, "lost")
    tracer = observer.tracer
    with (
        pytest.raises(ValueError, match="broke"),
        tracer.start_as_current_span(secret, attributes={"said": secret, "list": (secret, "other")}),
    ):
        raise ValueError(f"broke on {secret}")
    with blotting(Redactor([secret]).text):
        observer.close()
    exported = exporter.get_finished_spans()
    assert len(exported) == 3
    assert all(secret not in span.to_json() for span in exported)
    (broken,) = [span for span in exported if span.events]
    assert broken.attributes["list"] == [BLOTTED, "other"]
    assert broken.events[0].attributes["exception.message"] == f"broke on {BLOTTED}"
    assert BLOTTED in broken.events[0].attributes["exception.stacktrace"]
    assert broken.status.description == f"ValueError: broke on {BLOTTED}"
