"""What services need to know about amounts, without reading the things themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from hortus_server.domain.ids import TenantId
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


class StatisticsRepository(Protocol):
    """Amounts, each from bounded queries."""

    async def queued_runs(self, tenant_id: TenantId, *, at_most: int) -> int:
        """How many runs are queued, counted no further than `at_most`."""
        ...

    async def overview(self, tenant_id: TenantId, *, window: timedelta) -> TenantStatistics:
        """Counts for the last `window`; tokens are those of runs created in it."""
        ...
