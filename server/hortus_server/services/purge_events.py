"""Forget the events of runs that ended long ago, and bytes that nothing refers to."""

from dataclasses import dataclass
from datetime import timedelta

import structlog

from hortus_server.ports.store import Store

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PurgeEvents:
    """One round: the oldest logs first, each cut in a transaction of its own, a bounded number of events in all.

    `kept` None keeps all events. `runs` bounds one look and `looks` their number, `batch` the events of one transaction
    (runs that overlap and together have more go at once), `most` those of one round, `artifacts` those looked at in one
    transaction.
    """

    store: Store
    kept: timedelta | None
    runs: int = 500
    looks: int = 200
    batch: int = 5_000
    most: int = 500_000
    artifacts: int = 500

    async def __call__(self) -> None:
        """Raises UnavailableError without PostgreSQL; the next round goes on."""
        events = 0 if self.kept is None else await self._cut(self.kept)
        artifacts = await self._drop()
        if events or artifacts:
            log.info("events_purged", events=events, artifacts=artifacts)

    async def _cut(self, kept: timedelta) -> int:
        events = 0
        for _ in range(self.looks):
            async with self.store.system_transaction() as uow:
                old = await uow.retention.old_sessions(older_than=kept, limit=self.runs)
            for tenant_id, session_id in old:
                while events < self.most:
                    async with self.store.system_transaction() as uow:
                        cut = await uow.retention.cut(tenant_id, session_id, older_than=kept, rows=self.batch)
                    if cut is None:
                        break
                    events += cut.events
            if not old or events >= self.most:
                break
        return events

    async def _drop(self) -> int:
        artifacts = 0
        for _ in range(self.looks):
            async with self.store.system_transaction() as uow:
                looked, dropped = await uow.retention.drop_artifacts(limit=self.artifacts)
            artifacts += dropped
            if looked < self.artifacts:
                break
        return artifacts
