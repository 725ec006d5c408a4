"""Submit what schedules have due: each due time once, however many processes look."""

from dataclasses import dataclass
from datetime import datetime

import structlog

from hortus_server.domain.errors import HortusError, NotFoundError, UnavailableError
from hortus_server.domain.ids import RunId, SessionId
from hortus_server.domain.schedules import DuePlan, Firing, FiringOutcome, Schedule, plan_due
from hortus_server.ports.clock import Clock, utc_now
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.services.cancel_run import CancelledRun, CancelRun
from hortus_server.services.submit_run import AcceptedRun, RunRequest, SubmitRun

log = structlog.get_logger()

Unfinished = tuple[tuple[RunId, SessionId], ...]


@dataclass(frozen=True, slots=True)
class _Fired:
    """What a transaction did, to be told after its commit."""

    accepted: AcceptedRun | None = None
    cancelled: tuple[CancelledRun, ...] = ()


@dataclass(frozen=True, slots=True)
class FireSchedules:
    """One look, of at most `limit` due times; the rest waits for the next.

    A due time is one transaction: the schedule's row is locked, the due time recorded (its key is unique), the run
    submitted, the next due time set. Readers and workers are told after the commit.
    """

    store: Store
    submit: SubmitRun
    cancel: CancelRun
    now: Clock = utc_now
    limit: int = 200

    async def __call__(self) -> int:
        """How many due times were dealt with. Raises UnavailableError without PostgreSQL; the next look goes on."""
        for count in range(self.limit):
            if not await self._fire_next():
                return count
        return self.limit

    async def _fire_next(self) -> bool:
        """Deal with the longest due time; False when none is due that nobody else deals with."""
        now = self.now()
        schedule: Schedule | None = None
        try:
            async with self.store.system_transaction() as uow:
                schedule = await uow.firings.take_due(now)
                if schedule is None or schedule.next_due_at is None:
                    return False
                fired = await self._fire(uow, schedule, plan_due(schedule, schedule.next_due_at, now), now)
        except UnavailableError:
            raise
        except Exception as error:  # the boundary of one due time: others must not wait for it
            if schedule is None:
                raise
            await self._record_failure(schedule, error, now)
            return True
        for cancelled in fired.cancelled:
            await self.cancel.announce(cancelled)
        if fired.accepted is not None:
            await self.submit.announce(fired.accepted)
        return True

    async def _fire(self, uow: UnitOfWork, schedule: Schedule, plan: DuePlan, now: datetime) -> _Fired:
        await uow.firings.move_on(schedule, plan.next_due_at)
        if plan.missed is not None:
            first, last = (due.isoformat(timespec="seconds") for due in plan.missed)
            await uow.firings.record(
                schedule, _firing(schedule, plan.missed[0], now, "missed", reason=f"due from {first} to {last}")
            )
        if plan.due_at is None:
            return _Fired()
        unfinished: Unfinished = ()
        if schedule.overlap != "allow":
            unfinished = await uow.firings.unfinished_runs(schedule)
        if unfinished and schedule.overlap == "skip":
            reason = f"run {unfinished[0][0]} has not ended"
            await uow.firings.record(schedule, _firing(schedule, plan.due_at, now, "skipped", reason=reason))
            return _Fired()
        if not await uow.firings.record(schedule, _firing(schedule, plan.due_at, now, "submitted")):
            return _Fired()
        return await self._submit(uow, schedule, plan.due_at, unfinished)

    async def _submit(self, uow: UnitOfWork, schedule: Schedule, due_at: datetime, unfinished: Unfinished) -> _Fired:
        cancelled: list[CancelledRun] = []
        session_id = schedule.session_id
        if schedule.overlap == "cancel_running":
            for run_id, _ in unfinished:
                reason = f"schedule {schedule.name} is due again"
                cancelled.append(await self.cancel.cancel(uow, schedule.tenant_id, run_id, reason=reason))
        elif schedule.overlap == "queue" and unfinished and session_id is None:
            session_id = unfinished[0][1]
        request = RunRequest(
            content=schedule.input,
            agent=schedule.agent_id,
            agent_version=schedule.agent_version,
            session_id=session_id,
            limits=schedule.limits,
            title=schedule.name,
            metadata={"schedule_id": str(schedule.id), "due_at": due_at.isoformat()},
            priority="batch",
            message_policy="enqueue",  # the schedule has a policy of its own
        )
        accepted = await self.submit.accept(uow, schedule.tenant_id, request)
        await uow.firings.attach_run(schedule, due_at, accepted.run_id)
        log.info("schedule_fired", schedule_id=str(schedule.id), run_id=str(accepted.run_id), due_at=due_at.isoformat())
        return _Fired(accepted, tuple(cancelled))

    async def _record_failure(self, schedule: Schedule, error: Exception, now: datetime) -> None:
        """Note why nothing was submitted, unless another process has dealt with it since."""
        if isinstance(error, HortusError):
            reason = str(error)
            log.warning("schedule_failed", schedule_id=str(schedule.id), error=reason)
        else:
            reason = f"unexpected {type(error).__name__}; the worker's log has it"
            log.error("schedule_failed", schedule_id=str(schedule.id), exc_info=error)
        plan = _plan_or_stop(schedule, now)
        async with self.store.transaction(schedule.tenant_id) as uow:
            try:
                found = await uow.schedules.get(schedule.tenant_id, schedule.id, hold=True)
            except NotFoundError:
                return
            if found.next_due_at != schedule.next_due_at:
                return
            due_at = plan.due_at or schedule.next_due_at
            if due_at is not None:
                await uow.firings.record(schedule, _firing(schedule, due_at, now, "failed", reason=reason))
            await uow.firings.move_on(schedule, plan.next_due_at)


def _plan_or_stop(schedule: Schedule, now: datetime) -> DuePlan:
    """The plan, or the end of a schedule whose due times cannot be computed any more (its time zone is gone)."""
    if schedule.next_due_at is not None:
        try:
            return plan_due(schedule, schedule.next_due_at, now)
        except Exception:  # the boundary of one due time
            log.exception("schedule_stopped", schedule_id=str(schedule.id))
    return DuePlan(None, schedule.next_due_at, None)


def _firing(
    schedule: Schedule, due_at: datetime, now: datetime, outcome: FiringOutcome, *, reason: str | None = None
) -> Firing:
    return Firing(schedule.id, due_at, now, outcome, None, reason)
