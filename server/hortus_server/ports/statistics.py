"""What services need to know about amounts, without reading the things themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from hortus_server.domain.ids import AgentId, RunId, SessionId, TenantId, ToolId
from hortus_server.domain.records import RunStatus


@dataclass(frozen=True, slots=True)
class TenantStatistics:
    """Counts of one tenant.

    Finished runs and tokens are those of the window asked for; unfinished runs are counted whatever their age.
    """

    runs_by_status: Mapping[RunStatus, int]
    agents: int
    sessions: int
    tools_active: int
    memories: int
    tokens: int
    cost_micros: int
    reclaimed: int


Width = Literal["hour", "day"]
"""How long one period of a history is; both are those of UTC."""


@dataclass(frozen=True, slots=True)
class Period:
    """What ended between `at` and the next period's `at`.

    `reclaimed` runs were claimed more than once: taken over from a lost or drained worker, or resumed. `took_*_s` are
    seconds from first claim to end, None without a run. `tool_runs` used an evolved tool, `tool_uses` times in all.
    `tools` is how many evolved tools had ever become active by the period's end.
    """

    at: datetime
    succeeded: int
    failed: int
    cancelled: int
    budget_exhausted: int
    reclaimed: int
    tokens: int
    cost_micros: int
    took_p50_s: float | None
    took_p95_s: float | None
    tool_runs: int
    tool_uses: int
    tool_failures: int
    tools: int


@dataclass(frozen=True, slots=True)
class ToolUse:
    """One counted call of an evolved tool."""

    at: datetime
    version: int
    ok: bool
    run_id: RunId
    session_id: SessionId
    agent_id: AgentId


class StatisticsRepository(Protocol):
    """Amounts, each from bounded queries."""

    async def overview(self, tenant_id: TenantId, *, window: timedelta) -> TenantStatistics:
        """Counts for the last `window`; tokens are those of runs created in it."""
        ...

    async def history(self, tenant_id: TenantId, *, width: Width, periods: int) -> tuple[Period, ...]:
        """The last periods up to now, oldest first, without a hole; of at most the newest 200,000 ended runs."""
        ...

    async def tool_uses(self, tenant_id: TenantId, tool_id: ToolId, *, limit: int) -> tuple[ToolUse, ...]:
        """Latest uses first, as far as the tenant's newest 2,000 runs have any."""
        ...
