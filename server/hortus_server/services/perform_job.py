"""Do a piece of work that a commit has owed; it stays owed until it is done."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import assert_never

import structlog

from hortus_memory.errors import HortusMemoryError
from hortus_server.domain.errors import HortusError
from hortus_server.domain.ids import JobId, RunId, TenantId, ToolVersionId
from hortus_server.domain.records import Job, JobKind
from hortus_server.ports.observer import RunObserver
from hortus_server.ports.store import Store

log = structlog.get_logger()

LEASE = timedelta(seconds=60)  # of an attempt whose worker dies
RETRY_S = 1.0  # after the first failed attempt, doubled after each further one
MAX_RETRY_S = 60.0


@dataclass(frozen=True, slots=True)
class PerformJob:
    """The use case behind a job's wake-up. A job that fails keeps its row and is announced again, later each time.

    `jitter` is in [0, 1): after an outage the jobs of all workers do not come back together.
    """

    store: Store
    observer: RunObserver
    remember_run: Callable[[TenantId, RunId], Awaitable[None]]
    index_tool: Callable[[TenantId, ToolVersionId], Awaitable[None]]
    check_tool: Callable[[TenantId, ToolVersionId, JobId], Awaitable[None]]
    jitter: Callable[[], float] = random.random

    async def __call__(self, job_id: JobId, kind: JobKind) -> None:
        """Raises UnavailableError without PostgreSQL."""
        async with self.store.system_transaction() as uow:
            job = await uow.wakeups.take_job(job_id, lease=LEASE)
        if job is None:
            self.observer.job_ended(kind, "not_due")
            return
        with structlog.contextvars.bound_contextvars(
            job_id=str(job.id), subject_id=str(job.subject_id), tenant_id=str(job.tenant_id)
        ):
            try:
                await self._perform(job)
            except (HortusError, HortusMemoryError) as error:
                log.warning("job_failed", kind=job.kind, attempt=job.attempts, error=str(error))
                self.observer.job_ended(job.kind, "failed")
                await self._try_again(job)
                return
        async with self.store.transaction(job.tenant_id) as uow:
            await uow.wakeups.complete_job(job.id)
        self.observer.job_ended(job.kind, "done")

    async def _try_again(self, job: Job) -> None:
        pause_s = min(RETRY_S * 2.0 ** min(job.attempts - 1, 16), MAX_RETRY_S) * (1 + self.jitter() / 2)
        async with self.store.transaction(job.tenant_id) as uow:
            await uow.wakeups.retry_job(job, pause=timedelta(seconds=pause_s))

    async def _perform(self, job: Job) -> None:
        match job.kind:
            case "remember_run":
                await self.remember_run(job.tenant_id, RunId(job.subject_id))
            case "index_tool":
                await self.index_tool(job.tenant_id, ToolVersionId(job.subject_id))
            case "check_tool":
                await self.check_tool(job.tenant_id, ToolVersionId(job.subject_id), job.id)
            case _ as unreachable:
                assert_never(unreachable)
