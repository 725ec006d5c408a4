"""Amounts in PostgreSQL."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from psycopg import AsyncConnection

from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.ids import TenantId, ToolId
from hortus_server.domain.records import RunStatus
from hortus_server.ports.statistics import Period, TenantStatistics, ToolUse, Width

_STATEMENTS = load_statements("statistics.sql")

# An overview that is polled must not cost more the longer a server lives; beyond this a count says "at least".
_COUNTED_AT_MOST: Final = 1_000_000
_HISTORY_AT_MOST: Final = 200_000  # ended runs
_STEPS: Final[dict[Width, timedelta]] = {"hour": timedelta(hours=1), "day": timedelta(days=1)}


@dataclass(frozen=True, slots=True)
class _Group:
    status: RunStatus
    runs: int
    tokens: int
    cost_micros: int
    reclaimed: int


class PostgresStatistics:
    """See `StatisticsRepository`. Counts stop at a million."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def overview(self, tenant_id: TenantId, *, window: timedelta) -> TenantStatistics:
        """See the port. Three statements."""
        unfinished = await self._sql.many("unfinished_runs", _Group, tenant_id=tenant_id, at_most=_COUNTED_AT_MOST)
        finished = await self._sql.many(
            "finished_runs", _Group, tenant_id=tenant_id, window=window, at_most=_COUNTED_AT_MOST
        )
        things = await self._sql.one("count_things", _counts, tenant_id=tenant_id, at_most=_COUNTED_AT_MOST) or {}
        return TenantStatistics(
            runs_by_status={one.status: one.runs for one in unfinished + finished},
            tokens=sum(one.tokens for one in finished),
            cost_micros=sum(one.cost_micros for one in finished),
            reclaimed=sum(one.reclaimed for one in finished),
            **things,
        )

    async def history(self, tenant_id: TenantId, *, width: Width, periods: int) -> tuple[Period, ...]:
        """See the port. One statement."""
        found = await self._sql.many(
            "history",
            Period,
            tenant_id=tenant_id,
            width=width,
            step=_STEPS[width],
            reach=(periods - 1) * _STEPS[width],
            at_most=_HISTORY_AT_MOST,
        )
        return tuple(found)

    async def tool_uses(self, tenant_id: TenantId, tool_id: ToolId, *, limit: int) -> tuple[ToolUse, ...]:
        """See the port."""
        found = await self._sql.many("tool_uses", ToolUse, tenant_id=tenant_id, tool_id=tool_id, rows=limit)
        return tuple(found)


def _counts(**counts: int) -> dict[str, int]:
    return counts
