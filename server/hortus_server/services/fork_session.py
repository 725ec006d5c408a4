"""Go on from an event of a conversation in a session of its own."""

from dataclasses import dataclass

from hortus_agents.events import NewEvent, SessionForked
from hortus_server.domain.ids import SessionId, TenantId
from hortus_server.domain.records import ForkOrigin, Session
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.services.create_once import Answer, Once, create_once
from hortus_server.services.read_events import check_cursor


@dataclass(frozen=True, slots=True)
class ForkRequest:
    """Where to fork, and what to call it; None means the log's end, and the origin's own title."""

    session_id: SessionId
    at_seq: int | None = None
    title: str | None = None


@dataclass(frozen=True, slots=True)
class ForkSession:
    """Store a session whose log begins with `session.forked` and a copy of the conversation up to that place.

    The log of the origin is only read: what stands below a place of it never changes, so no lock is needed, and its
    deletion later takes nothing from the fork.
    """

    store: Store

    async def __call__(self, tenant_id: TenantId, *, request: ForkRequest, once: Once[Session]) -> Answer:
        """Raises NotFoundError, and InvalidCursorError for a place beyond the log's end."""

        async def make(uow: UnitOfWork) -> Session:
            return await fork(uow, tenant_id, request)

        return await create_once(self.store, tenant_id, once, make)


async def fork(uow: UnitOfWork, tenant_id: TenantId, request: ForkRequest) -> Session:
    """The new session, inside the caller's transaction."""
    origin = await uow.sessions.get(tenant_id, request.session_id)
    at_seq = origin.last_seq if request.at_seq is None else request.at_seq
    check_cursor(at_seq, last_seq=origin.last_seq)
    agent = await uow.agents.get(tenant_id, origin.agent_id)
    conversation = await uow.forks.measure(tenant_id, origin.id, at_seq=at_seq)
    session = await uow.sessions.add(
        tenant_id,
        agent_id=origin.agent_id,
        title=origin.title if request.title is None else request.title,
        metadata=origin.metadata,
        message_policy=origin.message_policy,
        origin=ForkOrigin(origin.id, at_seq),
    )
    forked = SessionForked(
        origin_session_id=origin.id,
        origin_seq=at_seq,
        agent_id=agent.id,
        agent_name=agent.name,
        title=session.title,
        left_out=conversation.left_out,
    )
    await uow.events.append(tenant_id, session.id, [NewEvent(payload=forked)])
    await uow.forks.copy(tenant_id, conversation, into=session.id)
    return await uow.sessions.get(tenant_id, session.id)
