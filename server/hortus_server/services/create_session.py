"""Begin a conversation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hortus_agents.events import Event, NewEvent, SessionCreated
from hortus_server.domain.ids import AgentId, TenantId
from hortus_server.domain.records import Agent, MessagePolicy, Session
from hortus_server.ports.live import LivePublisher
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.services.create_once import Answer, Once, create_once


@dataclass(frozen=True, slots=True)
class SessionDraft:
    """A session before it exists."""

    agent: AgentId | str
    title: str
    metadata: Mapping[str, Any]
    message_policy: MessagePolicy = "enqueue"


async def open_session(
    uow: UnitOfWork, tenant_id: TenantId, *, agent: Agent, draft: SessionDraft
) -> tuple[Session, Sequence[Event]]:
    """Add the row and its first event inside the caller's transaction; `agent` is the draft's."""
    session = await uow.sessions.add(
        tenant_id,
        agent_id=agent.id,
        title=draft.title,
        metadata=draft.metadata,
        message_policy=draft.message_policy,
    )
    created = SessionCreated(agent_id=agent.id, agent_name=agent.name, title=draft.title)
    events = await uow.events.append(tenant_id, session.id, [NewEvent(payload=created)])
    return await uow.sessions.get(tenant_id, session.id), events


@dataclass(frozen=True, slots=True)
class CreateSession:
    """Store a session whose log begins with `session.created`."""

    store: Store
    live: LivePublisher

    async def __call__(self, tenant_id: TenantId, *, draft: SessionDraft, once: Once[Session]) -> Answer:
        """Raises NotFoundError when there is no such agent."""
        committed: list[tuple[Session, Sequence[Event]]] = []

        async def make(uow: UnitOfWork) -> Session:
            agent = await uow.agents.get(tenant_id, draft.agent)
            session, events = await open_session(uow, tenant_id, agent=agent, draft=draft)
            committed.append((session, events))
            return session

        answer = await create_once(self.store, tenant_id, once, make)
        for session, events in committed:
            await self.live.publish_events(tenant_id, session.id, events)
        return answer
