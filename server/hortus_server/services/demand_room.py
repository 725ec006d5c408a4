"""Whether there is room for one more of a thing."""

from uuid import UUID

from hortus_server.domain.bounds import INSTEAD, MOST, Bounded
from hortus_server.domain.errors import ConflictError
from hortus_server.domain.ids import TenantId
from hortus_server.ports.store import UnitOfWork


async def demand_room(uow: UnitOfWork, tenant_id: TenantId, kind: Bounded, *, of: UUID | None = None) -> None:
    """Hold the place of one more until the transaction ends; `of` is the agent or policy that versions belong to.

    Raises ConflictError, which says what to do instead.
    """
    most = MOST[kind]
    if await uow.bounds.count(tenant_id, kind, of=of, most=most) < most:
        return
    whose = {"tenants": "the installation", "agent versions": "an agent", "policy versions": "a policy"}
    raise ConflictError(f"{whose.get(kind, 'a tenant')} has at most {most} {kind}: {INSTEAD[kind]}")
