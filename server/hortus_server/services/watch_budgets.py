"""Budgets beyond one run, as its worker minds them: when it takes the run up, before each step, and in mid-stream."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from hortus_agents.limits import DayLeft, LimitName, RunLimits
from hortus_server.domain.budgets import Allowance, TenantBudget
from hortus_server.domain.errors import UnavailableError
from hortus_server.domain.ids import TenantId
from hortus_server.domain.records import Run
from hortus_server.ports.store import Store

log = structlog.get_logger()

FRESH_S = 2.0
_TENANTS_AT_MOST = 10_000


class BudgetWatch(Protocol):
    """What a worker asks about the budgets of a run's tenant and session."""

    async def limits(self, run: Run) -> RunLimits:
        """What a run may use in all, taken up now. Raises UnavailableError."""
        ...

    async def before_step(self, run: Run, day: DayLeft) -> LimitName | None:
        """Renew what the day has left; the bound of it that is used up, or None. Raises UnavailableError."""
        ...

    async def follow(self, run: Run, day: DayLeft) -> None:
        """Renew it for ever, while others of the tenant use of the same day; run it beside the steps and cancel it."""
        ...


class Unwatched:
    """No budgets but the run's own limits."""

    async def limits(self, run: Run) -> RunLimits:
        """See BudgetWatch."""
        return run.limits

    async def before_step(self, run: Run, day: DayLeft) -> LimitName | None:  # noqa: ARG002 - the protocol's
        """See BudgetWatch."""
        return None

    async def follow(self, run: Run, day: DayLeft) -> None:
        """See BudgetWatch."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """Whether a tenant has a budget, and until when that is good enough."""

    until: float
    bounded: bool


@dataclass(frozen=True, slots=True)
class WatchBudgets:
    """One instance per worker process.

    A tenant without a budget costs one look per `FRESH_S` seconds, however many runs it has. One with a budget is
    looked at before every step of each run, since a finished model call counts at once, and every `FRESH_S` seconds
    meanwhile.
    """

    store: Store
    monotonic: Callable[[], float] = time.monotonic
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    _seen: OrderedDict[TenantId, _Seen] = field(default_factory=OrderedDict)

    async def limits(self, run: Run) -> RunLimits:
        """See BudgetWatch. Other runs of its session, and of the day, have gone on since it was accepted."""
        if not (await self._recent(run.tenant_id)).bounded:
            return run.limits
        return (await self._look(run)).hold(run.limits)

    async def before_step(self, run: Run, day: DayLeft) -> LimitName | None:
        """See BudgetWatch."""
        if not (await self._recent(run.tenant_id)).bounded:
            day.tokens = day.cost_micros = None
            return None
        return (await self._renew(run, day)).spent_today()

    async def follow(self, run: Run, day: DayLeft) -> None:
        """See BudgetWatch. Without PostgreSQL what was seen last stays."""
        while True:
            await self.pause(FRESH_S)
            if day.tokens is None and day.cost_micros is None:
                continue
            try:
                await self._renew(run, day)
            except UnavailableError as error:
                log.warning("budget_unseen", error=str(error))

    async def _renew(self, run: Run, day: DayLeft) -> Allowance:
        allowance = await self._look(run)
        day.tokens, day.cost_micros = allowance.left_today()
        day.counted_tokens, day.counted_cost_micros = allowance.run.tokens, allowance.run.cost_micros
        return allowance

    async def _recent(self, tenant_id: TenantId) -> _Seen:
        seen = self._seen.get(tenant_id)
        if seen is not None and self.monotonic() < seen.until:
            return seen
        async with self.store.transaction(tenant_id) as uow:
            allowance = await uow.budgets.allowance(tenant_id)
        return self._keep(tenant_id, allowance)

    async def _look(self, run: Run) -> Allowance:
        async with self.store.transaction(run.tenant_id) as uow:
            allowance = await uow.budgets.allowance(run.tenant_id, run.session_id, run_id=run.id)
        self._keep(run.tenant_id, allowance)
        return allowance

    def _keep(self, tenant_id: TenantId, allowance: Allowance) -> _Seen:
        seen = self._seen[tenant_id] = _Seen(self.monotonic() + FRESH_S, allowance.budget != TenantBudget())
        self._seen.move_to_end(tenant_id)
        while len(self._seen) > _TENANTS_AT_MOST:
            self._seen.popitem(last=False)
        return seen
