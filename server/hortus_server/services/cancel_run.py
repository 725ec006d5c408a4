"""Stop a run from outside: the row first, so that nothing can outrun it."""

from dataclasses import dataclass

from hortus_agents.events import Event, NewEvent, RunCancelled
from hortus_server.domain.audit import Actor, NewAuditEntry
from hortus_server.domain.ids import RunId, TenantId
from hortus_server.domain.records import Run
from hortus_server.ports.live import LivePublisher
from hortus_server.ports.queue import WakeupQueue
from hortus_server.ports.store import Store, UnitOfWork


@dataclass(frozen=True, slots=True)
class CancelledRun:
    """A stop inside a transaction that has yet to commit; `following` is the run that may start then."""

    run: Run
    events: tuple[Event, ...] = ()
    following: RunId | None = None


@dataclass(frozen=True, slots=True)
class CancelRun:
    """Finish a run that no worker holds; signal one that is under way through its row."""

    store: Store
    queue: WakeupQueue
    live: LivePublisher

    async def __call__(self, tenant_id: TenantId, run_id: RunId, *, reason: str, actor: Actor | None = None) -> Run:
        """The run as it stands now; idempotent, a terminal run stays as it is. Raises NotFoundError.

        The audit log tells of it where somebody did it.
        """
        async with self.store.transaction(tenant_id) as uow:
            cancelled = await self.cancel(uow, tenant_id, run_id, reason=reason)
            if actor is not None:
                entry = NewAuditEntry(tenant_id, actor, "run.cancelled", f"run:{run_id}", {"reason": reason})
                await uow.audit.append(entry)
        await self.announce(cancelled)
        return cancelled.run

    async def cancel(self, uow: UnitOfWork, tenant_id: TenantId, run_id: RunId, *, reason: str) -> CancelledRun:
        """Stop the run inside the caller's transaction. Raises NotFoundError."""
        # The update holds the row until the commit, so no worker can claim the run in between.
        run = await uow.runs.request_cancel(tenant_id, run_id, reason=reason)
        if run.status not in {"queued", "waiting"}:
            return CancelledRun(run)
        kept, label = await uow.run_stops.partial_output(run) if run.generation else ("", None)
        ending = RunCancelled(reason=reason, partial_output=kept, label=label)
        events = await uow.events.append(tenant_id, run.session_id, [NewEvent(payload=ending)], run_id=run.id)
        await uow.runs.finish(run.id, None, event=events[-1])
        following = await uow.wakeups.next_queued(run.session_id)
        return CancelledRun(await uow.runs.get(tenant_id, run.id), events, following)

    async def announce(self, cancelled: CancelledRun) -> None:
        """Tell readers and workers, after the commit."""
        if cancelled.events:
            await self.live.publish_events(cancelled.run.tenant_id, cancelled.run.session_id, cancelled.events)
        if cancelled.following is not None:
            await self.queue.wake_run(cancelled.following)
