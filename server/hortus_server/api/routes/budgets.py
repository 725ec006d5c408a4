"""What a tenant may use, and what it has used today."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from hortus_server.api.answers import json_answer
from hortus_server.api.deps import Admin, EdgeDep, NoQuery, SessionsRead
from hortus_server.api.responses import CHANGE, LIST, READ
from hortus_server.api.schemas.budgets import BudgetView, BudgetWrite, SessionBudgetView
from hortus_server.domain.audit import NewAuditEntry
from hortus_server.domain.budgets import TenantBudget
from hortus_server.domain.ids import SessionId

router = APIRouter(prefix="/v1/admin/budget", tags=["admin"])
sessions = APIRouter(prefix="/v1/sessions", tags=["sessions"])


@sessions.get("/{session_id}/budget", response_model=SessionBudgetView, responses=READ, dependencies=[NoQuery])
async def get_session_budget(session_id: UUID, edge: EdgeDep, caller: SessionsRead) -> Response:
    """What the session's ended runs have used, and the bounds that its next run will meet."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        session = await uow.sessions.get(caller.tenant_id, SessionId(session_id))
        allowance = await uow.budgets.allowance(caller.tenant_id, session.id)
    tokens_left, cost_left = allowance.left_today()
    return json_answer(
        SessionBudgetView(
            tokens=allowance.session.tokens,
            cost_micros=allowance.session.cost_micros,
            tokens_per_session=allowance.budget.tokens_per_session,
            cost_micros_per_session=allowance.budget.cost_micros_per_session,
            tokens_left_today=tokens_left,
            cost_micros_left_today=cost_left,
        )
    )


@router.get("", response_model=BudgetView, responses=LIST, dependencies=[NoQuery])
async def get_budget(edge: EdgeDep, caller: Admin) -> Response:
    """The tenant's budget and today's usage."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        allowance = await uow.budgets.allowance(caller.tenant_id)
    return json_answer(BudgetView.model_validate(allowance))


@router.put("", response_model=BudgetView, responses=CHANGE, dependencies=[NoQuery])
async def put_budget(body: BudgetWrite, edge: EdgeDep, caller: Admin) -> Response:
    """Replace the budget. It holds at once for new runs, and from their next step for runs under way."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        await uow.budgets.set_budget(caller.tenant_id, TenantBudget(**body.model_dump()))
        subject = f"tenant:{caller.tenant_id}"
        await uow.audit.append(
            NewAuditEntry(caller.tenant_id, caller.actor, "budget.changed", subject, body.model_dump(mode="json"))
        )
        allowance = await uow.budgets.allowance(caller.tenant_id)
    return json_answer(BudgetView.model_validate(allowance))
