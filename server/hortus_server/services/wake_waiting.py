"""Let a waiting run go on: the event, the row, then the wake-up."""

from dataclasses import dataclass
from uuid import UUID

from hortus_agents.events import Event, NewEvent, RunResumed
from hortus_server.domain.errors import ConflictError
from hortus_server.domain.records import Run
from hortus_server.ports.live import LivePublisher
from hortus_server.ports.queue import WakeupQueue
from hortus_server.ports.store import UnitOfWork


@dataclass(frozen=True, slots=True)
class WakeWaiting:
    """What ends a wait (an answer, a decision, a resume) calls `wake` in its own transaction, `announce` after it."""

    queue: WakeupQueue
    live: LivePublisher

    async def wake(
        self, uow: UnitOfWork, run: Run, *, reason: str, by: str = "", ref_id: UUID | None = None
    ) -> tuple[Event, ...]:
        """From waiting to queued; `ref_id` names what it waited for. `run` is locked in this transaction.

        Raises ConflictError when it does not wait.
        """
        resumed = NewEvent(payload=RunResumed(reason=reason, by=by, ref_id=ref_id))
        events = await uow.events.append(run.tenant_id, run.session_id, [resumed], run_id=run.id)
        if not await uow.run_stops.wake(run.tenant_id, run.id):
            raise ConflictError(f"run {run.id} does not wait")
        return events

    async def announce(self, run: Run, events: tuple[Event, ...]) -> None:
        """Tell readers and workers, after the commit."""
        await self.live.publish_events(run.tenant_id, run.session_id, events)
        await self.queue.wake_run(run.id)
