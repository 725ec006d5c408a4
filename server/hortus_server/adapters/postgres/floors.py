"""Sensitivity that people give by hand, in PostgreSQL."""

from typing import Any

from psycopg import AsyncConnection

from hortus_agents.labels import Sensitivity
from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.floors import Floor
from hortus_server.domain.ids import TenantId

_STATEMENTS = load_statements("floors.sql")


class PostgresFloors:
    """See `FloorRepository`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def list(self, tenant_id: TenantId) -> tuple[Floor, ...]:
        """See the port."""
        return tuple(await self._sql.many("list_floors", Floor, tenant_id=tenant_id))

    async def set(self, tenant_id: TenantId, tool: str, sensitivity: Sensitivity, *, reason: str, by: str) -> None:
        """See the port. The revision first: its row makes those who change floors or policies take turns."""
        await self._sql.count("floors_changed", tenant_id=tenant_id)
        if sensitivity:
            await self._sql.count(
                "set_floor", tenant_id=tenant_id, tool=tool, sensitivity=sensitivity, reason=reason, set_by=by
            )
        else:
            await self._sql.count("remove_floor", tenant_id=tenant_id, tool=tool)
