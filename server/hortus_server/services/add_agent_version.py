"""Give an agent its next version."""

from hortus_agents.spec import AgentSpec
from hortus_server.domain.audit import SYSTEM, Actor, NewAuditEntry
from hortus_server.domain.ids import AgentId, TenantId
from hortus_server.domain.records import AgentVersion
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.services.create_once import Answer, Once, create_once
from hortus_server.services.demand_room import demand_room


async def add_agent_version(
    store: Store,
    tenant_id: TenantId,
    *,
    key: AgentId | str,
    spec: AgentSpec,
    once: Once[AgentVersion],
    actor: Actor = SYSTEM,
) -> Answer:
    """Store the version and make it current for new runs. Raises NotFoundError, ConflictError for want of room."""

    async def make(uow: UnitOfWork) -> AgentVersion:
        agent = await uow.agents.get(tenant_id, key)
        await demand_room(uow, tenant_id, "agent versions", of=agent.id)
        version = await uow.agents.add_version(tenant_id, agent.id, spec)
        detail = {"name": agent.name, "version": version.version, "before": agent.current_version}
        await uow.audit.append(NewAuditEntry(tenant_id, actor, "agent.version_added", f"agent:{agent.id}", detail))
        return version

    return await create_once(store, tenant_id, once, make)
