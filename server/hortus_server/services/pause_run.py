"""Pause one run, and let it go on. Both work without the broker: the rows are the truth, workers see them in time."""

from dataclasses import dataclass

from hortus_agents.events import Event, NewEvent, RunWaiting, WaitReason
from hortus_server.domain.audit import SYSTEM, Actor, NewAuditEntry
from hortus_server.domain.errors import ConflictError
from hortus_server.domain.ids import RunId, TenantId
from hortus_server.domain.records import TERMINAL_STATUSES, Run
from hortus_server.domain.stops import EVERYTHING
from hortus_server.ports.live import LivePublisher
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.services.wake_waiting import WakeWaiting

STOPPED = frozenset({"paused", "frozen"})


@dataclass(frozen=True, slots=True)
class PauseRun:
    """Park a run that no worker has begun; ask the worker of one that is under way, through its row."""

    store: Store
    live: LivePublisher

    async def __call__(self, tenant_id: TenantId, run_id: RunId, *, reason: str, actor: Actor = SYSTEM) -> Run:
        """The run as it stands now; idempotent, an ended run stays as it is. Raises NotFoundError."""
        events: tuple[Event, ...] = ()
        async with self.store.transaction(tenant_id) as uow:
            run = await uow.run_stops.lock(tenant_id, run_id)
            if run.status not in TERMINAL_STATUSES:
                await uow.run_stops.request_pause(tenant_id, run_id, reason=reason)
            # A run that somebody cancelled is about to end, by that process or by a worker.
            if run.status == "queued" and run.cancel_requested_at is None:
                waiting = RunWaiting(reason=WaitReason(kind="paused", detail=reason))
                events = await uow.events.append(tenant_id, run.session_id, [NewEvent(payload=waiting)], run_id=run.id)
                await uow.run_stops.park(run.tenant_id, run.id, None, reason=waiting.reason)
            run = await uow.runs.get(tenant_id, run_id)
            detail = {"reason": reason, "status": run.status}
            await uow.audit.append(NewAuditEntry(tenant_id, actor, "run.paused", f"run:{run_id}", detail))
        await self.live.publish_events(run.tenant_id, run.session_id, events)
        return run


@dataclass(frozen=True, slots=True)
class ResumeRun:
    """Let a paused or frozen run go on; a worker takes it up where it stopped."""

    store: Store
    waking: WakeWaiting

    async def __call__(self, tenant_id: TenantId, run_id: RunId, *, reason: str, by: str, actor: Actor = SYSTEM) -> Run:
        """The run as it stands now; a run that goes on already stays as it is.

        Raises NotFoundError, and ConflictError when it has ended, waits for something else, or is held by a stop
        order over its agent, its tenant or everything.
        """
        async with self.store.transaction(tenant_id) as uow:
            run = await uow.run_stops.lock(tenant_id, run_id)
            events = await self._resume(uow, run, reason=reason, by=by)
            run = await uow.runs.get(tenant_id, run_id)
            entry = NewAuditEntry(tenant_id, actor, "run.resumed", f"run:{run_id}", {"reason": reason})
            await uow.audit.append(entry)
        if events:
            await self.waking.announce(run, events)
        return run

    async def _resume(self, uow: UnitOfWork, run: Run, *, reason: str, by: str) -> tuple[Event, ...]:
        if run.status in TERMINAL_STATUSES:
            raise ConflictError(f"run {run.id} has ended: {run.status}")
        orders = await uow.stop_orders.in_force([run.agent_id, run.tenant_id, EVERYTHING])
        if orders:
            first = orders[0]
            raise ConflictError(f"a {first.kind} over the {first.scope} is in force: {first.reason}")
        await uow.run_stops.drop_pause(run.tenant_id, run.id)
        if run.status != "waiting" or run.waiting_for is None:
            return ()
        if run.waiting_for.kind not in STOPPED:
            if run.pause_requested_at is None:
                raise ConflictError(f"run {run.id} waits for: {run.waiting_for.kind}")
            return ()
        return await self.waking.wake(uow, run, reason=reason, by=by)
