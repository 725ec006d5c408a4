"""Roll an agent back or forward."""

from hortus_server.domain.audit import SYSTEM, Actor, NewAuditEntry
from hortus_server.domain.ids import AgentId, TenantId
from hortus_server.domain.records import Agent
from hortus_server.ports.store import Store


async def pin_agent_version(
    store: Store, tenant_id: TenantId, *, key: AgentId | str, version: int, actor: Actor = SYSTEM
) -> Agent:
    """Make an existing version current; runs that began stay on theirs. Raises NotFoundError."""
    async with store.transaction(tenant_id) as uow:
        agent = await uow.agents.get(tenant_id, key)
        detail = {"name": agent.name, "version": version, "before": agent.current_version}
        await uow.audit.append(NewAuditEntry(tenant_id, actor, "agent.pinned", f"agent:{agent.id}", detail))
        return await uow.agents.pin(tenant_id, agent.id, version)
