"""Decide on an approval: checked, recorded and, once enough people have spoken, passed on to the run."""

from dataclasses import dataclass

from hortus_agents.events import ApprovalDecided, ApprovalOutcome, Event, NewEvent
from hortus_server.domain.approvals import Approval, Decider, Ruling, check_ruling, outcome_after
from hortus_server.domain.audit import Actor, NewAuditEntry
from hortus_server.domain.errors import ApprovalClosedError, ConflictError
from hortus_server.domain.ids import ApprovalId, RunId, TenantId
from hortus_server.domain.records import TERMINAL_STATUSES, Run
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.services.wake_waiting import WakeWaiting


@dataclass(frozen=True, slots=True)
class DecideApproval:
    """The one way by which a decision reaches a run. A decision that is refused changes nothing."""

    store: Store
    waking: WakeWaiting

    async def __call__(
        self, tenant_id: TenantId, approval_id: ApprovalId, *, ruling: Ruling, decider: Decider
    ) -> Approval:
        """The approval as it stands then; `pending` while another person is needed.

        Raises NotFoundError, InvalidInputError for a decision that does not fit what is asked, ApprovalClosedError
        when it was decided, ran out of time or lost its run, and ConflictError when this person has decided already.
        """
        async with self.store.transaction(tenant_id) as uow:
            found = await uow.approvals.get(tenant_id, approval_id)
            # Whoever ends, wakes or decides about a run holds its row: what is read from here on stays true.
            run = await uow.run_stops.lock(tenant_id, found.run_id)
            approval = await uow.approvals.get(tenant_id, approval_id)
            _check_open(approval, run)
            check_ruling(approval, ruling)
            events = await self._decide(uow, run, approval, ruling=ruling, decider=decider)
            decided = await uow.approvals.get(tenant_id, approval_id)
            await uow.audit.append(_entry(decided, ruling, decider))
        if decided.status == "pending":
            await self.waking.live.publish_events(run.tenant_id, run.session_id, events)
        else:
            await self.waking.announce(run, events)
        return decided

    async def answer_run(self, tenant_id: TenantId, run_id: RunId, *, ruling: Ruling, decider: Decider) -> Approval:
        """Answer the question that a run waits for. Raises as a decision does, and ConflictError without a question."""
        async with self.store.transaction(tenant_id) as uow:
            run = await uow.runs.get(tenant_id, run_id)
            awaited = await uow.approvals.awaited(tenant_id, run.id)
        if awaited is None or awaited.kind != "question":
            raise ConflictError(f"run {run_id} has asked nothing that waits for an answer")
        return await self(tenant_id, awaited.id, ruling=ruling, decider=decider)

    async def _decide(
        self, uow: UnitOfWork, run: Run, approval: Approval, *, ruling: Ruling, decider: Decider
    ) -> tuple[Event, ...]:
        if not await uow.approvals.record(run.tenant_id, approval.id, decider, ruling=ruling):
            raise ConflictError(f"{decider.name} has decided on this already, by login or by a key")
        outcome = outcome_after(approval, ruling)
        payload = _event(approval, ruling, decider, outcome)
        events = await uow.events.append(run.tenant_id, run.session_id, [NewEvent(payload=payload)], run_id=run.id)
        if outcome == "pending":
            return events
        if not await uow.approvals.close(run.tenant_id, approval.id, outcome=outcome):
            raise ApprovalClosedError(f"this {approval.kind} ran out of time", status="expired")
        if run.waiting_for is None or run.waiting_for.ref_id != approval.id:
            return events
        reason = f"{approval.kind} {outcome}"
        resumed = await self.waking.wake(uow, run, reason=reason, by=payload.by, ref_id=approval.id)
        return (*events, *resumed)


def _entry(approval: Approval, ruling: Ruling, decider: Decider) -> NewAuditEntry:
    detail = {
        "decision": ruling.decision,
        "outcome": approval.status,
        "reason": ruling.reason,
        "kind": approval.kind,
        "tool": approval.tool,
        "call_sha256": approval.call_sha256,
        "run_id": str(approval.run_id),
    }
    actor = Actor(decider.kind, str(decider.id), decider.name)
    return NewAuditEntry(approval.tenant_id, actor, "approval.decided", f"approval:{approval.id}", detail)


def _check_open(approval: Approval, run: Run) -> None:
    if approval.status != "pending":
        raise ApprovalClosedError(f"this {approval.kind} is {approval.status} already", status=approval.status)
    if approval.overdue:
        raise ApprovalClosedError(f"this {approval.kind} ran out of time", status="expired")
    if run.status in TERMINAL_STATUSES or run.cancel_requested_at is not None:
        raise ApprovalClosedError(f"run {run.id} is over", status="cancelled")


def _event(approval: Approval, ruling: Ruling, decider: Decider, outcome: ApprovalOutcome) -> ApprovalDecided:
    return ApprovalDecided(
        approval_id=approval.id,
        call_id=approval.call_id,
        decision=ruling.decision,
        outcome=outcome,
        reason=ruling.reason,
        answer=ruling.answer,
        by=f"{decider.name} ({decider.id})",
        key_id=decider.id if decider.kind == "key" else None,
        user_id=decider.id if decider.kind == "user" else None,
    )
