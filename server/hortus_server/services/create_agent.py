"""Define a new agent."""

from dataclasses import dataclass

from hortus_agents.spec import AgentSpec
from hortus_server.domain.audit import SYSTEM, Actor, NewAuditEntry
from hortus_server.domain.ids import TenantId
from hortus_server.domain.records import Agent, AgentVersion
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.services.create_once import Answer, Once, create_once
from hortus_server.services.demand_room import demand_room


@dataclass(frozen=True, slots=True)
class AgentDraft:
    """An agent before it exists."""

    name: str
    description: str
    spec: AgentSpec


@dataclass(frozen=True, slots=True)
class NewAgent:
    """An agent and its first version."""

    agent: Agent
    version: AgentVersion


async def create_agent(
    store: Store, tenant_id: TenantId, *, draft: AgentDraft, once: Once[NewAgent], actor: Actor = SYSTEM
) -> Answer:
    """Store the agent with version 1. Raises ConflictError when the name is taken or there is no room."""

    async def make(uow: UnitOfWork) -> NewAgent:
        await demand_room(uow, tenant_id, "agents")
        agent, version = await uow.agents.add(
            tenant_id, name=draft.name, description=draft.description, spec=draft.spec
        )
        entry = NewAuditEntry(tenant_id, actor, "agent.created", f"agent:{agent.id}", {"name": agent.name})
        await uow.audit.append(entry)
        return NewAgent(agent, version)

    return await create_once(store, tenant_id, once, make)
