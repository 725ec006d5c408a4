"""The reaper: sends wake-ups again that got lost, for runs without a worker and for jobs that are owed."""

from dataclasses import dataclass
from datetime import timedelta

import structlog

from hortus_server.ports.queue import WakeupQueue
from hortus_server.ports.store import Store

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RecoverRuns:
    """One round. Safe in any number of processes at once: what one of them announces, the others skip.

    `patience` is how long a wake-up may take before it counts as lost; `limit` bounds what one round sends.
    """

    store: Store
    queue: WakeupQueue
    patience: timedelta
    limit: int = 256

    async def __call__(self) -> None:
        """Raises UnavailableError without PostgreSQL; the next round makes up for it."""
        async with self.store.system_transaction() as uow:
            runs = await uow.wakeups.due_runs(older_than=self.patience, limit=self.limit)
            jobs = await uow.wakeups.due_jobs(older_than=self.patience, limit=self.limit)
        for run_id in runs:
            await self.queue.wake_run(run_id)
        for job in jobs:
            await self.queue.wake_job(job.id, job.kind)
        if runs or jobs:
            log.info("woken_again", runs=len(runs), jobs=len(jobs))
