"""Forget answers to creates that nobody will repeat any more."""

from dataclasses import dataclass
from datetime import timedelta

import structlog

from hortus_server.ports.store import Store

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PurgeKeys:
    """Idempotency keys older than `kept` are gone afterwards."""

    store: Store
    kept: timedelta

    async def __call__(self) -> None:
        """Raises UnavailableError without PostgreSQL."""
        async with self.store.transaction() as uow:
            count = await uow.idempotency.purge(older_than=self.kept)
        if count:
            log.info("idempotency_keys_purged", count=count)
