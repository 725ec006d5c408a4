"""The numbers of the first page of the admin UI."""

from dataclasses import dataclass
from datetime import timedelta

from hortus_server.domain.ids import TenantId
from hortus_server.ports.statistics import TenantStatistics
from hortus_server.ports.store import Store
from hortus_server.services.check_readiness import CheckReadiness, Readiness

WINDOW = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Overview:
    """A tenant's counts and the components' health, read at about the same time."""

    statistics: TenantStatistics
    readiness: Readiness


@dataclass(frozen=True, slots=True)
class ReadOverview:
    """Counts over the last hour."""

    store: Store
    readiness: CheckReadiness

    async def __call__(self, tenant_id: TenantId) -> Overview:
        """Raises UnavailableError when PostgreSQL is down."""
        async with self.store.transaction(tenant_id) as uow:
            statistics = await uow.statistics.overview(tenant_id, window=WINDOW)
        return Overview(statistics, await self.readiness())
