"""What a tenant may use, and what it has used today."""

from fastapi import APIRouter
from starlette.responses import Response

from hortus_server.api.answers import json_answer
from hortus_server.api.deps import Admin, EdgeDep, NoQuery
from hortus_server.api.responses import CHANGE, LIST
from hortus_server.api.schemas.budgets import BudgetView, BudgetWrite
from hortus_server.domain.budgets import TenantBudget

router = APIRouter(prefix="/v1/admin/budget", tags=["admin"])


@router.get("", response_model=BudgetView, responses=LIST, dependencies=[NoQuery])
async def get_budget(edge: EdgeDep, caller: Admin) -> Response:
    """The tenant's budget and today's usage."""
    async with edge.store.transaction() as uow:
        allowance = await uow.budgets.allowance(caller.tenant_id)
    return json_answer(BudgetView.model_validate(allowance))


@router.put("", response_model=BudgetView, responses=CHANGE, dependencies=[NoQuery])
async def put_budget(body: BudgetWrite, edge: EdgeDep, caller: Admin) -> Response:
    """Replace the budget. It holds at once for new runs, and from their next step for runs under way."""
    async with edge.store.transaction() as uow:
        await uow.budgets.set_budget(caller.tenant_id, TenantBudget(**body.model_dump()))
        allowance = await uow.budgets.allowance(caller.tenant_id)
    return json_answer(BudgetView.model_validate(allowance))
