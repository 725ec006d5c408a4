"""Which observers a worker has."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from prometheus_client import CollectorRegistry

from hortus_agents.events import Event
from hortus_server.domain.records import Claim, JobKind
from hortus_server.ports.observer import JobEnd, RunEnd, RunObserver
from hortus_server.telemetry.metrics import PrometheusObserver

try:
    from hortus_server.telemetry import spans as spans_module
except ModuleNotFoundError:  # the otel extra is not installed
    spans_module = None  # type: ignore[assignment]


class ObserverGroup:
    """Implements RunObserver by telling several."""

    def __init__(self, members: Sequence[RunObserver]) -> None:
        self._members = tuple(members)

    def run_claimed(self, claim: Claim) -> None:
        """See RunObserver."""
        for member in self._members:
            member.run_claimed(claim)

    def claim_missed(self) -> None:
        """See RunObserver."""
        for member in self._members:
            member.claim_missed()

    def events_committed(self, claim: Claim, events: Sequence[Event], *, duration_s: float) -> None:
        """See RunObserver."""
        for member in self._members:
            member.events_committed(claim, events, duration_s=duration_s)

    def delta_published(self, claim: Claim) -> None:
        """See RunObserver."""
        for member in self._members:
            member.delta_published(claim)

    def run_left(self, claim: Claim, end: RunEnd) -> None:
        """See RunObserver."""
        for member in self._members:
            member.run_left(claim, end)

    def job_ended(self, kind: JobKind, end: JobEnd) -> None:
        """See RunObserver."""
        for member in self._members:
            member.job_ended(kind, end)


@contextmanager
def open_observers(registry: CollectorRegistry, *, spans: bool) -> Iterator[RunObserver]:
    """Metrics always; spans where they are wanted and the `otel` extra is installed. Raises RuntimeError if not."""
    metrics = PrometheusObserver(registry)
    if not spans:
        yield metrics
        return
    if spans_module is None:
        raise RuntimeError("spans need the otel extra: pip install 'hortus[otel]'")
    traced = spans_module.open_span_observer()
    try:
        yield ObserverGroup([metrics, traced])
    finally:
        traced.close()
