"""What is seen of runs that do not get on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from hortus_server.domain.ids import RunId, TenantId
from hortus_server.domain.records import RunStatus
from hortus_server.domain.stuck import Patience, SilentRun
from hortus_server.ports.paging import PageRequest


@dataclass(frozen=True, slots=True)
class SilentPage:
    """Silent runs among those looked at; `next_cursor` is None when all were."""

    items: tuple[SilentRun, ...]
    next_cursor: str | None


class StuckRuns(Protocol):
    """Bounded looks: each costs what it looks at, not what there is."""

    async def silent(self, tenant_id: TenantId, patience: Patience, page: PageRequest) -> SilentPage:
        """Oldest first; a page may be short or empty and not the last, since a look is bounded."""
        ...

    async def live_workers(self) -> tuple[str, ...]:
        """Worker processes that show a sign of life."""
        ...

    async def mark_woken(self, tenant_id: TenantId, run_id: RunId) -> None:
        """A wake-up for a queued run is about to be sent."""
        ...

    async def count(self, patience: Patience) -> Mapping[RunStatus, int]:
        """Queued and running ones of all tenants, as far as a bounded look tells."""
        ...
