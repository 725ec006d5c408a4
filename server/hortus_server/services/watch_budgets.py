"""Whether a tenant's day is used up, asked before each step of its runs."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from hortus_agents.limits import LimitName
from hortus_server.domain.ids import TenantId
from hortus_server.ports.store import Store

FRESH_S = 2.0
_TENANTS_AT_MOST = 10_000


@dataclass(frozen=True, slots=True)
class WatchBudgets:
    """One look per tenant and `FRESH_S` seconds, however many runs it has; one instance per worker process."""

    store: Store
    monotonic: Callable[[], float] = time.monotonic
    _seen: OrderedDict[TenantId, tuple[float, LimitName | None]] = field(default_factory=OrderedDict)

    async def __call__(self, tenant_id: TenantId) -> LimitName | None:
        """The bound of the day that is used up, or None. Raises UnavailableError."""
        seen = self._seen.get(tenant_id)
        if seen is not None and self.monotonic() < seen[0]:
            return seen[1]
        async with self.store.transaction() as uow:
            gone = (await uow.budgets.allowance(tenant_id)).spent_today()
        self._seen[tenant_id] = (self.monotonic() + FRESH_S, gone)
        self._seen.move_to_end(tenant_id)
        while len(self._seen) > _TENANTS_AT_MOST:
            self._seen.popitem(last=False)
        return gone
