"""Approvals and timers in PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from hortus_agents.events import ApprovalOutcome, Event
from hortus_server.adapters.postgres.paging import decode_timed, encode_timed, to_page
from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.approvals import (
    Approval,
    ApprovalFilter,
    Decider,
    DueTimer,
    OverdueApproval,
    RecordedDecision,
    Ruling,
)
from hortus_server.domain.errors import NotFoundError
from hortus_server.domain.ids import ApprovalId, RunId, TenantId
from hortus_server.domain.records import Page, Run
from hortus_server.ports.paging import PageRequest

_STATEMENTS = load_statements("approvals.sql")


class PostgresApprovals:
    """See `ApprovalRepository`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def get(self, tenant_id: TenantId, approval_id: ApprovalId) -> Approval:
        """See the port."""
        found = await self._sql.one("get_approval", _approval, tenant_id=tenant_id, approval_id=approval_id)
        if found is None:
            raise NotFoundError("approval", approval_id)
        return found

    async def list(self, tenant_id: TenantId, page: PageRequest, *, which: ApprovalFilter) -> Page[Approval]:
        """See the port."""
        before_at, before_id = decode_timed(page.cursor)
        found = await self._sql.page(
            "list_approvals",
            _approval,
            tenant_id=tenant_id,
            status=which.status,
            kind=which.kind,
            run_id=which.run_id,
            session_id=which.session_id,
            agent_id=which.agent_id,
            before_at=before_at,
            before_id=before_id,
            rows=page.limit + 1,
        )
        return to_page(found, page.limit, lambda approval: encode_timed(approval.requested_at, approval.id))

    async def awaited(self, tenant_id: TenantId, run_id: RunId) -> Approval | None:
        """See the port."""
        found = await self._sql.one("awaited_approval", _id, tenant_id=tenant_id, run_id=run_id)
        return None if found is None else await self.get(tenant_id, found)

    async def record(self, tenant_id: TenantId, approval_id: ApprovalId, decider: Decider, *, ruling: Ruling) -> bool:
        """See the port."""
        written = await self._sql.count(
            "record_decision",
            tenant_id=tenant_id,
            approval_id=approval_id,
            person_id=decider.person_id,
            by_kind=decider.kind,
            by_id=decider.id,
            by_name=decider.name,
            decision=ruling.decision,
            reason=ruling.reason,
            answer=ruling.answer,
        )
        return bool(written)

    async def close(self, tenant_id: TenantId, approval_id: ApprovalId, *, outcome: ApprovalOutcome) -> bool:
        """See the port."""
        closed = await self._sql.count("close_approval", tenant_id=tenant_id, approval_id=approval_id, outcome=outcome)
        return bool(closed)


class PostgresWaits:
    """See `WaitRepository`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def add_approval(self, run: Run, event: Event) -> None:
        """See the port."""
        await self._sql.count(
            "add_approval", tenant_id=run.tenant_id, session_id=run.session_id, run_id=run.id, seq=event.seq
        )

    async def is_pending(self, run: Run, approval_id: ApprovalId) -> bool:
        """See the port."""
        found = await self._sql.one("is_pending", _id, tenant_id=run.tenant_id, approval_id=approval_id, run_id=run.id)
        return found is not None

    async def use_approval(self, run: Run, approval_id: ApprovalId, *, call_id: str, call_sha256: str) -> bool:
        """See the port."""
        used = await self._sql.count(
            "use_approval",
            tenant_id=run.tenant_id,
            approval_id=approval_id,
            run_id=run.id,
            call_id=call_id,
            call_sha256=call_sha256,
        )
        return bool(used)

    async def expire_approval(self, overdue: OverdueApproval) -> bool:
        """See the port."""
        expired = await self._sql.count("expire_approval", tenant_id=overdue.tenant_id, approval_id=overdue.id)
        return bool(expired)

    async def overdue_approvals(self, *, limit: int) -> tuple[OverdueApproval, ...]:
        """See the port."""
        return tuple(await self._sql.many("overdue_approvals", OverdueApproval, rows=limit))

    async def set_timer(self, run: Run, due_at: datetime) -> None:
        """See the port."""
        await self._sql.count("set_timer", tenant_id=run.tenant_id, run_id=run.id, due_at=due_at)

    async def due_timers(self, *, limit: int) -> tuple[DueTimer, ...]:
        """See the port."""
        return tuple(await self._sql.many("due_timers", DueTimer, rows=limit))

    async def end_timer(self, run_id: RunId) -> bool:
        """See the port."""
        return bool(await self._sql.count("end_timer", run_id=run_id))


def _approval(*, choices: list[str], decisions: Sequence[Mapping[str, Any]] | None, **columns: Any) -> Approval:
    return Approval(
        choices=tuple(choices), decisions=tuple(_decision(**decision) for decision in decisions or ()), **columns
    )


def _decision(*, by_id: str, decided_at: str, **columns: Any) -> RecordedDecision:
    return RecordedDecision(by_id=UUID(by_id), decided_at=datetime.fromisoformat(decided_at), **columns)


def _id(*, id: ApprovalId) -> ApprovalId:  # noqa: A002 - a column's name
    return id
