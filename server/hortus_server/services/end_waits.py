"""End waits whose time has come: timers are due, approvals run out. Each once, however many processes look."""

from dataclasses import dataclass

import structlog

from hortus_agents.events import ApprovalExpired, Event, NewEvent
from hortus_server.domain.approvals import DueTimer, OverdueApproval
from hortus_server.domain.errors import ConflictError, NotFoundError
from hortus_server.domain.records import Run
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.services.project_waits import TIMED
from hortus_server.services.wake_waiting import WakeWaiting

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Ended:
    """What a transaction did, to be told after its commit."""

    run: Run
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class EndWaits:
    """One look, at two indexes that hold only what waits for a time. Each wait is one transaction.

    A look takes at most `limit` of each kind; the rest waits for the next.
    """

    store: Store
    waking: WakeWaiting
    limit: int = 500

    async def __call__(self) -> int:
        """How many waits were ended. Raises UnavailableError without PostgreSQL; the next look goes on."""
        async with self.store.system_transaction() as uow:
            timers = await uow.waits.due_timers(limit=self.limit)
            overdue = await uow.waits.overdue_approvals(limit=self.limit)
        over: list[DueTimer | OverdueApproval] = [*timers, *overdue]
        count = 0
        for due in over:
            count += await self._end(due)
        if count:
            log.info("waits_ended", count=count)
        return count

    async def _end(self, due: DueTimer | OverdueApproval) -> bool:
        try:
            async with self.store.transaction(due.tenant_id) as uow:
                done = await (self._wake(uow, due) if isinstance(due, DueTimer) else self._expire(uow, due))
        except (NotFoundError, ConflictError) as error:
            # The session was deleted meanwhile; whatever it is, others must not wait for it.
            log.warning("wait_not_ended", error=str(error))
            return False
        if done is not None and done.events:
            await self.waking.announce(done.run, done.events)
        return done is not None

    async def _wake(self, uow: UnitOfWork, timer: DueTimer) -> _Ended | None:
        run = await uow.run_stops.lock(timer.tenant_id, timer.run_id)
        if not await uow.waits.end_timer(timer.run_id):
            return None
        waiting = run.waiting_for
        if waiting is None or waiting.kind not in TIMED:
            return _Ended(run, ())
        return _Ended(run, await self.waking.wake(uow, run, reason="its time has come", ref_id=waiting.ref_id))

    async def _expire(self, uow: UnitOfWork, overdue: OverdueApproval) -> _Ended | None:
        run = await uow.run_stops.lock(overdue.tenant_id, overdue.run_id)
        approval = await uow.approvals.get(overdue.tenant_id, overdue.id)
        if not await uow.waits.expire_approval(overdue):
            return None
        payload = ApprovalExpired(approval_id=overdue.id, call_id=approval.call_id)
        events = await uow.events.append(run.tenant_id, run.session_id, [NewEvent(payload=payload)], run_id=run.id)
        if run.waiting_for is not None and run.waiting_for.ref_id == overdue.id:
            events += await self.waking.wake(uow, run, reason="nobody decided in time", ref_id=overdue.id)
        return _Ended(run, events)
