"""Forget what became of due times and deliveries long ago, what tenants used then, and counters of rates."""

from dataclasses import dataclass
from datetime import timedelta

import structlog

from hortus_server.ports.store import Store

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PurgeHistory:
    """Firings, ended deliveries, usage and counters older than that are gone afterwards.

    A bounded number of each goes in a round.
    """

    store: Store
    firings_kept: timedelta
    deliveries_kept: timedelta
    usage_kept: timedelta = timedelta(days=400)
    rates_kept: timedelta = timedelta(days=31)  # longer than any window

    async def __call__(self) -> None:
        """Raises UnavailableError without PostgreSQL."""
        async with self.store.system_transaction() as uow:
            firings = await uow.firings.purge(older_than=self.firings_kept)
        async with self.store.system_transaction() as uow:
            deliveries = await uow.deliveries.purge(older_than=self.deliveries_kept)
        async with self.store.system_transaction() as uow:
            usage = await uow.budgets.purge(older_than=self.usage_kept)
        async with self.store.system_transaction() as uow:
            rates = await uow.rulings.purge_rates(older_than=self.rates_kept)
        if firings or deliveries or usage or rates:
            log.info("history_purged", firings=firings, deliveries=deliveries, usage=usage, rates=rates)
