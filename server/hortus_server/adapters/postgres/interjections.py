"""What is said to a session while runs of it are under way, in PostgreSQL."""

from typing import Any, Final

from psycopg import AsyncConnection

from hortus_server.adapters.postgres import rows
from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.ids import RunId, SessionId, TenantId
from hortus_server.domain.records import Run

_STATEMENTS = load_statements("interjections.sql")
_SPACE: Final = 0x7475726E  # "turn"; the first of an advisory lock's two keys


class PostgresInterjections:
    """See `InterjectionRepository`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def take_turn(self, tenant_id: TenantId, session_id: SessionId) -> tuple[Run, ...]:
        """See the port. Two statements, since the second must see what the lock was waiting for."""
        await self._sql.one("take_turn", _taken, space=_SPACE, session_id=session_id)
        runs = await self._sql.many("lock_unfinished", rows.run, tenant_id=tenant_id, session_id=session_id)
        return tuple(sorted(runs, key=lambda run: run.queued_seq))

    async def count_steer(self, tenant_id: TenantId, run_id: RunId, *, at_most: int) -> bool:
        """See the port."""
        return bool(await self._sql.count("count_steer", tenant_id=tenant_id, run_id=run_id, at_most=at_most))

    async def roll_back(self, tenant_id: TenantId, run_id: RunId) -> None:
        """See the port."""
        await self._sql.count("mark_rolled_back", tenant_id=tenant_id, run_id=run_id)


def _taken(*, taken: bool) -> bool:
    return taken
