"""Prometheus metrics of a worker process, counted from what it commits."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from hortus_agents.events import TERMINAL_EVENTS, Event, ModelCalled, ModelFailed, ToolFinished
from hortus_server.domain.records import Claim, JobKind
from hortus_server.ports.observer import JobEnd, RunEnd

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class PrometheusObserver:
    """Implements RunObserver. Labels are closed sets and model names; tools of agents' making count as `evolved`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._claims = Counter("hortus_run_claims", "Runs taken by this worker", ["kind"], registry=registry)
        self._misses = Counter("hortus_run_claim_misses", "Wake-ups that found nothing to claim", registry=registry)
        self._active = Gauge("hortus_runs_active", "Runs in progress in this worker", registry=registry)
        self._ended = Counter("hortus_runs_ended", "Runs that ended here, by status", ["status"], registry=registry)
        self._left = Counter("hortus_runs_left", "Runs that this worker let go, by why", ["why"], registry=registry)
        self._run_s = Histogram(
            "hortus_run_duration_seconds", "From queued to ended", ["status"], buckets=_SECONDS, registry=registry
        )
        self._commit_s = Histogram(
            "hortus_commit_duration_seconds", "One commit of events", buckets=_SECONDS, registry=registry
        )
        self._events = Counter("hortus_events_committed", "Durable events, by type", ["type"], registry=registry)
        self._model_s = Histogram(
            "hortus_model_call_duration_seconds",
            "Model calls",
            ["model", "purpose"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._first_token_s = Histogram(
            "hortus_model_first_token_seconds", "Until the first token", ["model"], buckets=_SECONDS, registry=registry
        )
        self._model_failures = Counter("hortus_model_failures", "Failed model calls", ["code"], registry=registry)
        self._tokens = Counter("hortus_tokens", "Tokens, by model and kind", ["model", "kind"], registry=registry)
        self._tools = Counter("hortus_tool_calls", "Tool calls, by outcome", ["tool", "outcome"], registry=registry)
        self._tool_s = Histogram(
            "hortus_tool_call_duration_seconds", "Tool calls", ["tool"], buckets=_SECONDS, registry=registry
        )
        self._deltas = Counter("hortus_deltas_published", "Pieces of live text", registry=registry)
        self._jobs = Counter("hortus_jobs", "Jobs, by kind and how they ended", ["kind", "end"], registry=registry)

    def run_claimed(self, claim: Claim) -> None:
        """See RunObserver."""
        self._claims.labels("first" if claim.generation == 1 else "takeover").inc()
        self._active.inc()

    def claim_missed(self) -> None:
        """See RunObserver."""
        self._misses.inc()

    def events_committed(self, claim: Claim, events: Sequence[Event], *, duration_s: float) -> None:
        """See RunObserver."""
        self._commit_s.observe(duration_s)
        for event in events:
            self._events.labels(event.type).inc()
            if event.type in TERMINAL_EVENTS:
                status = event.type.removeprefix("run.")
                self._ended.labels(status).inc()
                self._run_s.labels(status).observe((event.at - claim.run.created_at).total_seconds())
            self._count(event, claim)

    def _count(self, event: Event, claim: Claim) -> None:
        match event.payload:
            case ModelCalled() as call:
                self._model_s.labels(call.model, call.purpose).observe(call.duration_ms / 1000)
                if call.first_token_ms is not None:
                    self._first_token_s.labels(call.model).observe(call.first_token_ms / 1000)
                self._tokens.labels(call.model, "prompt").inc(call.usage.prompt_tokens)
                self._tokens.labels(call.model, "completion").inc(call.usage.completion_tokens)
                self._tokens.labels(call.model, "cached").inc(call.usage.cached_tokens)
            case ModelFailed() as failure:
                self._model_failures.labels(failure.code).inc()
            case ToolFinished() as tool:
                name = tool.name if tool.name in claim.spec.tools else "evolved"
                self._tools.labels(name, tool.outcome).inc()
                self._tool_s.labels(name).observe(tool.duration_ms / 1000)
            case _:
                pass

    def delta_published(self, claim: Claim) -> None:  # noqa: ARG002 - one counter for all runs
        """See RunObserver."""
        self._deltas.inc()

    def run_left(self, claim: Claim, end: RunEnd) -> None:  # noqa: ARG002 - likewise
        """See RunObserver."""
        self._active.dec()
        self._left.labels(end).inc()

    def job_ended(self, kind: JobKind, end: JobEnd) -> None:
        """See RunObserver."""
        self._jobs.labels(kind, end).inc()


def serve_metrics(registry: CollectorRegistry, *, host: str, port: int) -> None:
    """Serve `/metrics` from a thread, for the life of the process."""
    start_http_server(port, addr=host, registry=registry)
