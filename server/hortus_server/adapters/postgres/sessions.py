"""Conversations in PostgreSQL."""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from hortus_server.adapters.postgres.paging import SEARCHED, decode_id, encode_id, patterns, to_page
from hortus_server.adapters.postgres.rows import expected
from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.errors import ConflictError, NotFoundError
from hortus_server.domain.ids import AgentId, MemoryId, SessionId, TenantId, new_id
from hortus_server.domain.records import ForkOrigin, MessagePolicy, Page, Session
from hortus_server.ports.paging import PageRequest
from hortus_server.ports.pending import Pending

_STATEMENTS = load_statements("sessions.sql")


class PostgresSessions:
    """See `SessionRepository`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    def add(
        self,
        tenant_id: TenantId,
        *,
        session_id: SessionId | None = None,
        agent_id: AgentId,
        title: str,
        metadata: Mapping[str, Any],
        message_policy: MessagePolicy = "enqueue",
        origin: ForkOrigin | None = None,
    ) -> Pending[Session]:
        """See the port. Raises NotFoundError when the tenant has no such agent."""
        session = self._sql.one(
            "add_session",
            Session,
            id=session_id or new_id(),
            tenant_id=tenant_id,
            agent_id=agent_id,
            title=title,
            metadata=Jsonb(dict(metadata)),
            message_policy=message_policy,
            forked_from_session_id=origin and origin.session_id,
            forked_from_seq=origin and origin.seq,
        )
        return session.map(expected("agent", agent_id))

    def get(self, tenant_id: TenantId, session_id: SessionId) -> Pending[Session]:
        """See the port."""
        session = self._sql.one("get_session", Session, tenant_id=tenant_id, session_id=session_id)
        return session.map(expected("session", session_id))

    async def heads(self, asked: Sequence[tuple[TenantId, SessionId]]) -> Mapping[tuple[TenantId, SessionId], int]:
        """See the port."""
        tenant_ids, session_ids = [tenant_id for tenant_id, _ in asked], [session_id for _, session_id in asked]
        found = await self._sql.many("session_heads", _head, tenant_ids=tenant_ids, session_ids=session_ids)
        return dict(found)

    async def list(
        self, tenant_id: TenantId, page: PageRequest, *, agent_id: AgentId | None = None, words: str = ""
    ) -> Page[Session]:
        """See the port."""
        wanted: dict[str, Any] = {
            "tenant_id": tenant_id,
            "agent_id": agent_id,
            "before": decode_id(page.cursor),
            "rows": page.limit + 1,
        }
        if words:
            sessions = await self._sql.page(
                "search_sessions", Session, patterns=patterns(words), searched=SEARCHED, **wanted
            )
        else:
            sessions = await self._sql.page("list_sessions", Session, **wanted)
        return to_page(sessions, page.limit, lambda session: encode_id(session.id))

    async def delete(self, tenant_id: TenantId, session_id: SessionId) -> tuple[MemoryId, ...]:
        """See the port."""
        await self._sql.count("lock_runs", tenant_id=tenant_id, session_id=session_id)
        if not await self._sql.count("lock_session", tenant_id=tenant_id, session_id=session_id):
            raise NotFoundError("session", session_id)
        if await self._sql.count("unfinished_runs", tenant_id=tenant_id, session_id=session_id):
            raise ConflictError("a run of this session has not ended; cancel it first")
        forgotten = await self._sql.many("delete_memories", _memory_id, tenant_id=tenant_id, session_id=session_id)
        await self._sql.count("release_artifacts", tenant_id=tenant_id, session_id=session_id)
        await self._sql.count("delete_session", tenant_id=tenant_id, session_id=session_id)
        return tuple(forgotten)


def _head(
    *,
    tenant_id: TenantId,
    id: SessionId,  # noqa: A002 - a column's name
    last_seq: int,
) -> tuple[tuple[TenantId, SessionId], int]:
    return (tenant_id, id), last_seq


def _memory_id(*, id: MemoryId) -> MemoryId:  # noqa: A002 - a column's name
    return id
