"""What services need of runs: claims, leases, lists."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from hortus_agents.events import Event, EventPayload
from hortus_agents.limits import RunLimits
from hortus_server.domain.admission import Priority
from hortus_server.domain.ids import AgentId, RunId, SessionId, TenantId
from hortus_server.domain.records import AgentVersion, Claim, LeaseSignal, Page, Run, RunStatus, Step
from hortus_server.ports.paging import PageRequest
from hortus_server.ports.pending import Pending


class RunLeases(Protocol):
    """The worker's side: who may write to a run, for how long, and how it ends."""

    def claim(
        self, run_id: RunId, *, worker_id: str, lease: timedelta, only_if_next: bool = False
    ) -> Pending[Claim | None]:
        """Take the run if it is queued, or running under an expired lease, and the first unfinished of its session.

        With `only_if_next` a queued run is left where another may have to come first: of a better rank, of another
        tenant, or where its tenant has a limit. See `RunChoice`.
        """
        ...

    async def renew(
        self, worker_id: str, held: Sequence[tuple[RunId, int]], *, lease: timedelta
    ) -> tuple[LeaseSignal, ...]:
        """Extend the leases still owned; one signal for each held (run, generation), in the same order."""
        ...

    async def release(self, tenant_id: TenantId, run_id: RunId, generation: int) -> bool:
        """End the lease at once, so that another worker may claim; False when it was not owned any more."""
        ...

    async def finish(self, run_id: RunId, generation: int | None, *, event: Event) -> None:
        """Project a terminal event, already in the log, onto the row; generation None for a run never claimed.

        Raises StaleGenerationError.
        """
        ...

    def finish_logged(self, run: Run, *, ending: EventPayload) -> Pending[None]:
        """As `finish`, for a terminal event whose append was asked for before it in the same transaction.

        Nothing where that wrote nothing. Raises StaleGenerationError then.
        """
        ...


class RunRepository(RunLeases, Protocol):
    """Runs as rows."""

    def add(
        self,
        tenant_id: TenantId,
        *,
        run_id: RunId,
        session_id: SessionId,
        version: AgentVersion,
        limits: RunLimits,
        queued_seq: int | None = None,
        priority: Priority = "interactive",
    ) -> Pending[Run]:
        """A queued run. None for `queued_seq` is the newest event of its session. Raises NotFoundError."""
        ...

    async def get(self, tenant_id: TenantId, run_id: RunId) -> Run:
        """Raises NotFoundError."""
        ...

    async def list(
        self,
        tenant_id: TenantId,
        page: PageRequest,
        *,
        session_id: SessionId | None = None,
        agent_id: AgentId | None = None,
        status: RunStatus | None = None,
        words: str = "",
    ) -> Page[Run]:
        """Newest first; with `words` those that hold each of them, of a bounded number of the newest.

        They are sought in a run's id, its session's title, its output and its error.
        """
        ...

    async def steps(self, tenant_id: TenantId, run_id: RunId) -> tuple[Step, ...]:
        """In order. Raises NotFoundError."""
        ...

    async def request_cancel(self, tenant_id: TenantId, run_id: RunId, *, reason: str) -> Run:
        """Mark for cancellation; idempotent; a terminal run stays as it is. Raises NotFoundError."""
        ...
