"""What services need of a session's log."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Protocol

from hortus_agents.events import Event, NewEvent
from hortus_server.domain.ids import RunId, SessionId, TenantId
from hortus_server.ports.pending import Pending


class EventRepository(Protocol):
    """The one append-only log of each session."""

    def append(
        self,
        tenant_id: TenantId,
        session_id: SessionId,
        events: Sequence[NewEvent],
        *,
        run_id: RunId | None = None,
        generation: int | None = None,
        after: int | None = None,
    ) -> Pending[tuple[Event, ...]]:
        """Give the next sequence numbers, gap-free.

        With `generation` the write is fenced: StaleGenerationError unless the run is running under it. With `after`
        too, nothing is written, and the answer is empty, unless that is the number of the log's newest event.
        Raises NotFoundError when the session is gone.
        """
        ...

    def append_started(self, run_id: RunId, *, worker_id: str, lease: timedelta) -> Pending[Event | None]:
        """The `run.started` of a claim that was asked for before it in the same transaction; None where it failed."""
        ...

    def fold_claimed(self, run_id: RunId) -> Pending[tuple[Event, ...]]:
        """As `stream_for_fold`, of a run that a worker claims, in whichever session it is; 500 own events at most."""
        ...

    async def list_after(
        self, tenant_id: TenantId, session_id: SessionId, *, after: int, limit: int, run_id: RunId | None = None
    ) -> tuple[Event, ...]:
        """Events with seq > after, in order, at most `limit`; only those of `run_id` if given."""
        ...

    def stream_for_fold(self, tenant_id: TenantId, session_id: SessionId, run_id: RunId) -> AsyncIterator[Event]:
        """What a run's state is folded from.

        First the newest messages (user's, and final answers) and capability events of the runs that were queued
        before, in the order of the conversation, a bounded number; then all events of this run, by seq. Only known
        event types. A run elsewhere has none.
        """
        ...
