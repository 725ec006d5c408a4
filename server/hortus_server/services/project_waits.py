"""Rows that follow from a run's events: what people are asked, approvals that are used up, times to wake at."""

from collections.abc import Sequence
from uuid import UUID

from hortus_agents.errors import ApprovalMissingError
from hortus_agents.events import ApprovalRequested, Event, RunWaiting, ToolCalled, WaitReason
from hortus_server.domain.ids import ApprovalId
from hortus_server.domain.records import Run
from hortus_server.ports.store import UnitOfWork

TIMED = frozenset({"timer", "model"})
"""Waits that end at a time."""

_DECIDED = frozenset({"approval", "input"})


async def project_waits(uow: UnitOfWork, run: Run, committed: Sequence[Event]) -> bool:
    """Write the rows, in the transaction of the events. False when what the run would wait for is there already.

    Raises ApprovalMissingError for a call whose approval is not there, is another call's or was used before: then the
    transaction must not commit, and the call not run.
    """
    for event in committed:
        match event.payload:
            case ApprovalRequested():
                await uow.waits.add_approval(run, event)
            case ToolCalled(approval_id=UUID() as approval_id) as called:
                await _use(uow, run, ApprovalId(approval_id), called)
            case RunWaiting(reason=reason):
                return await _park(uow, run, reason)
            case _:
                pass
    return True


async def _use(uow: UnitOfWork, run: Run, approval_id: ApprovalId, called: ToolCalled) -> None:
    identity = called.call_sha256 or ""
    if not await uow.waits.use_approval(run, approval_id, call_id=called.call_id, call_sha256=identity):
        raise ApprovalMissingError(f"no approval lets {called.name} run as call {called.call_id}")


async def _park(uow: UnitOfWork, run: Run, reason: WaitReason) -> bool:
    if reason.kind in TIMED and reason.due_at is not None:
        await uow.waits.set_timer(run, reason.due_at)
    if reason.kind in _DECIDED and reason.ref_id is not None:
        return await uow.waits.is_pending(run, ApprovalId(reason.ref_id))
    return True
