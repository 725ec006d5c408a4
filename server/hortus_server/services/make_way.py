"""What a message does to the runs of its session that have not ended, before its own run is accepted."""

from dataclasses import dataclass
from typing import assert_never

from hortus_agents.events import Event, NewEvent, RunRolledBack
from hortus_server.domain.errors import SessionBusyError
from hortus_server.domain.ids import RunId
from hortus_server.domain.records import MessagePolicy, Run, Session
from hortus_server.ports.store import UnitOfWork
from hortus_server.services.cancel_run import CancelledRun, CancelRun


@dataclass(frozen=True, slots=True)
class StoppedRun:
    """A run that gave way, inside a transaction that has yet to commit."""

    cancelled: CancelledRun
    undoing: tuple[Event, ...] = ()


async def make_way(
    uow: UnitOfWork, session: Session, policy: MessagePolicy, *, for_run: RunId, cancel: CancelRun
) -> tuple[StoppedRun, ...]:
    """Apply the policy to all unfinished runs of the session, the one under way and those queued behind it.

    Messages with policies other than `enqueue` are dealt with one after the other, so that of two that come at once
    the second finds the run of the first. A run that a worker has ends within moments, and the new one waits for that.
    Raises SessionBusyError.
    """
    if policy == "enqueue":
        return ()
    unfinished = await uow.interjections.take_turn(session.tenant_id, session.id)
    if not unfinished:
        return ()
    match policy:
        case "reject":
            first = unfinished[0]
            raise SessionBusyError(f"run {first.id} of session {session.id} has not ended: {first.status}")
        case "interrupt":
            return tuple([await _stop(uow, run, f"interrupted by run {for_run}", cancel) for run in unfinished])
        case "rollback":
            return tuple([await _undo(uow, run, for_run, cancel) for run in unfinished])
        case _ as unreachable:
            assert_never(unreachable)


async def _stop(uow: UnitOfWork, run: Run, reason: str, cancel: CancelRun) -> StoppedRun:
    return StoppedRun(await cancel.cancel(uow, run.tenant_id, run.id, reason=reason))


async def _undo(uow: UnitOfWork, run: Run, for_run: RunId, cancel: CancelRun) -> StoppedRun:
    reason = f"rolled back for run {for_run}"
    undone = RunRolledBack(by_run_id=for_run, reason=reason)
    events = await uow.events.append(run.tenant_id, run.session_id, [NewEvent(payload=undone)], run_id=run.id)
    await uow.interjections.roll_back(run.tenant_id, run.id)
    if run.status == "waiting":
        # No worker will end it, and so none will owe the job that forgets what it had noted.
        await uow.wakeups.add_job(run.tenant_id, "remember_run", run.id)
    stopped = await _stop(uow, run, reason, cancel)
    return StoppedRun(stopped.cancelled, events)
