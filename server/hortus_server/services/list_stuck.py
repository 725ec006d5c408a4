"""Which runs do not get on, and why, as far as the system can see."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from hortus_server.domain.errors import UnavailableError
from hortus_server.domain.ids import TenantId
from hortus_server.domain.records import RunStatus
from hortus_server.domain.stuck import Patience, SilentRun, StuckReason, Surroundings, explain
from hortus_server.ports.paging import PageRequest
from hortus_server.ports.store import Store
from hortus_server.services.check_readiness import CheckReadiness

COUNTED_EVERY_S = 15.0


@dataclass(frozen=True, slots=True)
class StuckRun:
    """A silent run and what keeps it, the most decisive first."""

    run: SilentRun
    reasons: tuple[StuckReason, ...]


@dataclass(frozen=True, slots=True)
class StuckPage:
    """Oldest first; see `SilentPage`."""

    items: tuple[StuckRun, ...]
    next_cursor: str | None


@dataclass(slots=True)
class ListStuck:
    """One look at the rows; the components are asked only where a run is silent."""

    store: Store
    readiness: CheckReadiness
    patience: Patience
    monotonic: Callable[[], float] = time.monotonic
    _counted_at: float = float("-inf")
    _counts: dict[RunStatus, int] = field(default_factory=dict)

    async def __call__(self, tenant_id: TenantId, page: PageRequest) -> StuckPage:
        """Raises InvalidCursorError."""
        async with self.store.transaction(tenant_id) as uow:
            found = await uow.stuck_runs.silent(tenant_id, self.patience, page)
            workers = await uow.stuck_runs.live_workers() if found.items else ()
        if not found.items:
            return StuckPage((), found.next_cursor)
        health = await self.readiness()
        down = {one.component: one.detail for one in health.components if one.state != "ok"}
        around = Surroundings(frozenset(workers), down)
        return StuckPage(tuple(StuckRun(run, explain(run, around)) for run in found.items), found.next_cursor)

    async def counts(self) -> dict[RunStatus, int]:
        """How many of all tenants, queued or running; looked up every 15 seconds at most, for the metrics."""
        now = self.monotonic()
        if now - self._counted_at >= COUNTED_EVERY_S:
            self._counted_at = now
            try:
                async with self.store.system_transaction() as uow:
                    counted = await uow.stuck_runs.count(self.patience)
            except UnavailableError:
                return self._counts
            self._counts = {"queued": counted.get("queued", 0), "running": counted.get("running", 0)}
        return self._counts
