"""Counts of what is bounded in PostgreSQL."""

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.bounds import Bounded
from hortus_server.domain.ids import TenantId

_STATEMENTS = load_statements("bounds.sql")


class PostgresBounds:
    """See `BoundRepository`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def count(self, tenant_id: TenantId, kind: Bounded, *, of: UUID | None, most: int) -> int:
        """See the port. The statement after the lock sees what those before it committed."""
        await self._sql.one("lock_bound", _flag, name=f"{kind}/{'' if kind == 'tenants' else of or tenant_id}")
        found = await self._sql.one("count_bounded", _count, tenant_id=tenant_id, kind=kind, of=of, most=most)
        return found or 0


def _flag(*, waited: bool) -> bool:
    return waited


def _count(*, count: int) -> int:
    return count
