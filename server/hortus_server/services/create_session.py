"""Begin a conversation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hortus_agents.events import Event, NewEvent, SessionCreated
from hortus_server.domain.ids import AgentId, SessionId, TenantId, new_id
from hortus_server.domain.records import Agent, MessagePolicy, Session
from hortus_server.ports.live import LivePublisher
from hortus_server.ports.pending import Pending
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.services.create_once import Answer, Once, create_once


@dataclass(frozen=True, slots=True)
class SessionDraft:
    """A session before it exists."""

    agent: AgentId | str
    title: str
    metadata: Mapping[str, Any]
    message_policy: MessagePolicy = "enqueue"


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A session inside a transaction that has yet to commit."""

    id: SessionId
    row: Pending[Session]
    events: Pending[tuple[Event, ...]]


def open_session(uow: UnitOfWork, tenant_id: TenantId, *, agent: Agent, draft: SessionDraft) -> OpenedSession:
    """Ask for the row and its first event inside the caller's transaction; `agent` is the draft's."""
    session_id = SessionId(new_id())
    row = uow.sessions.add(
        tenant_id,
        session_id=session_id,
        agent_id=agent.id,
        title=draft.title,
        metadata=draft.metadata,
        message_policy=draft.message_policy,
    )
    created = SessionCreated(agent_id=agent.id, agent_name=agent.name, title=draft.title)
    return OpenedSession(session_id, row, uow.events.append(tenant_id, session_id, [NewEvent(payload=created)]))


@dataclass(frozen=True, slots=True)
class CreateSession:
    """Store a session whose log begins with `session.created`."""

    store: Store
    live: LivePublisher

    async def __call__(self, tenant_id: TenantId, *, draft: SessionDraft, once: Once[Session]) -> Answer:
        """Raises NotFoundError when there is no such agent."""
        made: list[OpenedSession] = []

        async def make(uow: UnitOfWork) -> Pending[Session]:
            agent = await uow.agents.get(tenant_id, draft.agent)
            opened = open_session(uow, tenant_id, agent=agent, draft=draft)
            made.append(opened)
            return uow.sessions.get(tenant_id, opened.id)

        answer = await create_once(self.store, tenant_id, once.of(_told), make)
        for opened in made:
            await self.live.publish_events(tenant_id, opened.id, opened.events.result())
        return answer


def _told(session: Pending[Session]) -> Session:
    return session.result()
