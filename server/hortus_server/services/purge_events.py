"""Forget the events of runs that ended long ago."""

from dataclasses import dataclass
from datetime import timedelta

import structlog

from hortus_server.ports.store import Store

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PurgeEvents:
    """One round: the oldest logs first, each cut in a transaction of its own, a bounded number of events in all.

    `kept` None keeps everything. `runs` bounds one look and `looks` their number, `batch` the events of one transaction
    (runs that overlap and together have more go at once), `most` those of one round.
    """

    store: Store
    kept: timedelta | None
    runs: int = 500
    looks: int = 200
    batch: int = 5_000
    most: int = 500_000

    async def __call__(self) -> None:
        """Raises UnavailableError without PostgreSQL; the next round goes on."""
        if self.kept is None:
            return
        events = artifacts = 0
        for _ in range(self.looks):
            async with self.store.system_transaction() as uow:
                old = await uow.retention.old_sessions(older_than=self.kept, limit=self.runs)
            for tenant_id, session_id in old:
                while events < self.most:
                    async with self.store.system_transaction() as uow:
                        cut = await uow.retention.cut(tenant_id, session_id, older_than=self.kept, rows=self.batch)
                    if cut is None:
                        break
                    events, artifacts = events + cut.events, artifacts + cut.artifacts
            if not old or events >= self.most:
                break
        if events:
            log.info("events_purged", events=events, artifacts=artifacts)
