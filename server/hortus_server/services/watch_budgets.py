"""Budgets beyond one run, as its worker minds them: when it takes the run up, and before each step."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from hortus_agents.limits import LimitName, RunLimits
from hortus_server.domain.budgets import TenantBudget
from hortus_server.domain.ids import TenantId
from hortus_server.domain.records import Run
from hortus_server.ports.store import Store

FRESH_S = 2.0
_TENANTS_AT_MOST = 10_000


class BudgetWatch(Protocol):
    """What a worker asks about the budgets of a run's tenant and session. Both raise UnavailableError."""

    async def __call__(self, tenant_id: TenantId) -> LimitName | None:
        """The bound of the day that is used up, or None."""
        ...

    async def limits(self, run: Run) -> RunLimits:
        """What a run may use in all, taken up now."""
        ...


class Unwatched:
    """No budgets but the run's own limits."""

    async def __call__(self, tenant_id: TenantId) -> LimitName | None:  # noqa: ARG002 - the protocol's
        """See BudgetWatch."""
        return None

    async def limits(self, run: Run) -> RunLimits:
        """See BudgetWatch."""
        return run.limits


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a look at a tenant found, and until when it is good enough."""

    until: float
    gone: LimitName | None
    bounded: bool


@dataclass(frozen=True, slots=True)
class WatchBudgets:
    """One look per tenant and `FRESH_S` seconds, however many runs it has; one instance per worker process."""

    store: Store
    monotonic: Callable[[], float] = time.monotonic
    _seen: OrderedDict[TenantId, _Seen] = field(default_factory=OrderedDict)

    async def __call__(self, tenant_id: TenantId) -> LimitName | None:
        """See BudgetWatch."""
        return (await self._look(tenant_id)).gone

    async def limits(self, run: Run) -> RunLimits:
        """See BudgetWatch. Other runs of its session, and of the day, have ended since it was accepted."""
        if not (await self._look(run.tenant_id)).bounded:
            return run.limits
        async with self.store.transaction() as uow:
            return (await uow.budgets.allowance(run.tenant_id, run.session_id)).hold(run.limits)

    async def _look(self, tenant_id: TenantId) -> _Seen:
        seen = self._seen.get(tenant_id)
        if seen is not None and self.monotonic() < seen.until:
            return seen
        async with self.store.transaction() as uow:
            allowance = await uow.budgets.allowance(tenant_id)
        seen = _Seen(self.monotonic() + FRESH_S, allowance.spent_today(), allowance.budget != TenantBudget())
        self._seen[tenant_id] = seen
        self._seen.move_to_end(tenant_id)
        while len(self._seen) > _TENANTS_AT_MOST:
            self._seen.popitem(last=False)
        return seen
