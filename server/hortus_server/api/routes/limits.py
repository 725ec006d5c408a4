"""How much keys and tenants may ask of the API."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from hortus_server.api.answers import json_answer
from hortus_server.api.auth import Caller
from hortus_server.api.deps import Admin, EdgeDep, NoQuery
from hortus_server.api.edge import Edge
from hortus_server.api.responses import CHANGE, LIST
from hortus_server.api.schemas.limits import (
    BoundView,
    KeyBoundView,
    LimitsView,
    LimitsWrite,
    RateView,
    TenantBoundsView,
)
from hortus_server.domain.ids import KeyId, TenantId
from hortus_server.domain.rates import Limits, RateDefaults, key_rate, tenant_rate
from hortus_server.ports.rates import TenantLimits

router = APIRouter(prefix="/v1/admin", tags=["admin"])


@router.get("/limits", response_model=TenantBoundsView, responses=LIST, dependencies=[NoQuery])
async def get_limits(edge: EdgeDep, caller: Admin) -> Response:
    """The limits of the tenant and its keys: their own, and those in force."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        found = await uow.limits.of_tenant(caller.tenant_id)
    return json_answer(_view(found, edge.options.rates, may_change=caller.authority.operates))


@router.put("/limits", response_model=TenantBoundsView, responses=CHANGE, dependencies=[NoQuery])
async def put_limits(body: LimitsWrite, edge: EdgeDep, caller: Admin) -> Response:
    """Replace the tenant's limits. For who runs the installation: a tenant would not bound itself."""
    return await _of_tenant(edge, caller, caller.tenant_id, body)


@router.put("/tenants/{tenant_id}/limits", response_model=TenantBoundsView, responses=CHANGE, dependencies=[NoQuery])
async def put_limits_of_tenant(tenant_id: UUID, body: LimitsWrite, edge: EdgeDep, caller: Admin) -> Response:
    """Replace another tenant's limits; all API processes know them within five seconds."""
    return await _of_tenant(edge, caller, TenantId(tenant_id), body)


@router.put("/keys/{key_id}/limits", response_model=TenantBoundsView, responses=CHANGE, dependencies=[NoQuery])
async def put_key_limits(key_id: UUID, body: LimitsWrite, edge: EdgeDep, caller: Admin) -> Response:
    """Replace a key's limits; the tenant's hold beside them."""
    limits = Limits(**body.model_dump())
    found = await edge.change_limits.of_key(caller.tenant_id, KeyId(key_id), limits, actor=caller.actor)
    return json_answer(_view(found, edge.options.rates, may_change=caller.authority.operates))


async def _of_tenant(edge: Edge, caller: Caller, tenant_id: TenantId, body: LimitsWrite) -> Response:
    caller.demand_operation()
    limits = Limits(**body.model_dump())
    found = await edge.change_limits.of_tenant(tenant_id, limits, actor=caller.actor)
    return json_answer(_view(found, edge.options.rates, may_change=True))


def _view(found: TenantLimits, defaults: RateDefaults, *, may_change: bool) -> TenantBoundsView:
    return TenantBoundsView(
        tenant=BoundView(
            own=LimitsView.model_validate(found.tenant),
            in_force=RateView.model_validate(tenant_rate(found.tenant, defaults)),
        ),
        default_key=RateView.model_validate(key_rate(Limits(), defaults)),
        keys=tuple(
            KeyBoundView(
                key_id=key_id,
                own=LimitsView.model_validate(own),
                in_force=RateView.model_validate(key_rate(own, defaults)),
            )
            for key_id, own in found.keys.items()
        ),
        most_per_minute=defaults.most_per_minute,
        may_change_tenant=may_change,
    )
