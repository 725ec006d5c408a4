"""Forget answers to creates that nobody will repeat any more."""

from dataclasses import dataclass
from datetime import timedelta

import structlog

from hortus_server.ports.store import Store

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PurgeKeys:
    """Idempotency keys older than `kept` are gone afterwards, `batch` in a transaction.

    A round takes no more than `batches`, so that it ends however many keys have piled up; the next goes on.
    """

    store: Store
    kept: timedelta
    batch: int = 1_000
    batches: int = 1_000

    async def __call__(self) -> None:
        """Raises UnavailableError without PostgreSQL."""
        count = 0
        for _ in range(self.batches):
            async with self.store.system_transaction() as uow:
                purged = await uow.idempotency.purge(older_than=self.kept, limit=self.batch)
            count += purged
            if purged < self.batch:
                break
        if count:
            log.info("idempotency_keys_purged", count=count)
