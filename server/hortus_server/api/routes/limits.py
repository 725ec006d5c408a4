"""How much keys and tenants may ask of the API."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from hortus_server.api.answers import json_answer
from hortus_server.api.deps import Admin, EdgeDep, NoQuery
from hortus_server.api.responses import CHANGE, LIST
from hortus_server.api.schemas.limits import (
    BoundView,
    KeyBoundView,
    LimitsView,
    LimitsWrite,
    RateView,
    TenantBoundsView,
)
from hortus_server.domain.ids import KeyId
from hortus_server.domain.rates import Limits, RateDefaults, key_rate, tenant_rate
from hortus_server.ports.rates import TenantLimits

router = APIRouter(prefix="/v1/admin", tags=["admin"])


@router.get("/limits", response_model=TenantBoundsView, responses=LIST, dependencies=[NoQuery])
async def get_limits(edge: EdgeDep, caller: Admin) -> Response:
    """The limits of the tenant and its keys: their own, and those in force."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        found = await uow.limits.of_tenant(caller.tenant_id)
    return json_answer(_view(found, edge.options.rates))


@router.put("/limits", response_model=TenantBoundsView, responses=CHANGE, dependencies=[NoQuery])
async def put_limits(body: LimitsWrite, edge: EdgeDep, caller: Admin) -> Response:
    """Replace the tenant's limits; all API processes know them within five seconds."""
    limits = Limits(**body.model_dump())
    found = await edge.change_limits.of_tenant(caller.tenant_id, limits, actor=caller.actor)
    return json_answer(_view(found, edge.options.rates))


@router.put("/keys/{key_id}/limits", response_model=TenantBoundsView, responses=CHANGE, dependencies=[NoQuery])
async def put_key_limits(key_id: UUID, body: LimitsWrite, edge: EdgeDep, caller: Admin) -> Response:
    """Replace a key's limits; the tenant's hold beside them."""
    limits = Limits(**body.model_dump())
    found = await edge.change_limits.of_key(caller.tenant_id, KeyId(key_id), limits, actor=caller.actor)
    return json_answer(_view(found, edge.options.rates))


def _view(found: TenantLimits, defaults: RateDefaults) -> TenantBoundsView:
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
    )
