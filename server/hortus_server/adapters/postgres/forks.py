"""Forks of conversations in PostgreSQL."""

from typing import Any, Final

from psycopg import AsyncConnection

from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.ids import SessionId, TenantId
from hortus_server.ports.forks import Conversation

_STATEMENTS = load_statements("forks.sql")

# A run is told of the newest 120 such events; the rest is for readers.
_EVENTS: Final = 2_000
_BYTES: Final = 16 * 1024 * 1024


class PostgresForks:
    """See `ForkRepository`. Takes 2,000 events or 16 MiB at most, whatever comes first."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def measure(self, tenant_id: TenantId, session_id: SessionId, *, at_seq: int) -> Conversation:
        """See the port."""

        def measured(*, first_seq: int | None, events: int, left_out: bool) -> Conversation:
            return Conversation(session_id, first_seq or at_seq + 1, at_seq, events, left_out)

        found = await self._sql.one(
            "measure_fork",
            measured,
            tenant_id=tenant_id,
            session_id=session_id,
            at_seq=at_seq,
            rows=_EVENTS,
            bytes=_BYTES,
        )
        return found or Conversation(session_id, at_seq + 1, at_seq, 0, left_out=False)

    async def copy(self, tenant_id: TenantId, conversation: Conversation, *, into: SessionId) -> int:
        """See the port."""
        return await self._sql.count(
            "copy_conversation",
            tenant_id=tenant_id,
            session_id=conversation.session_id,
            first_seq=conversation.first_seq,
            at_seq=conversation.at_seq,
            into_id=into,
        )
