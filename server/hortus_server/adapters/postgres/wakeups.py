"""The reaper's queries and the outbox in PostgreSQL."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.errors import NotFoundError
from hortus_server.domain.ids import JobId, RunId, SessionId, TenantId, new_id
from hortus_server.domain.records import Job, JobKind, Run
from hortus_server.ports.pending import Pending

_STATEMENTS = load_statements("wakeups.sql")


class PostgresWakeups:
    """See `WakeupRepository`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def due_runs(self, *, older_than: timedelta, limit: int) -> tuple[RunId, ...]:
        """See the port."""
        return tuple(await self._sql.many("due_runs", _run_id, older_than=older_than, rows=limit))

    def next_queued(self, session_id: SessionId) -> Pending[RunId | None]:
        """See the port."""
        return self._sql.one("next_queued", _run_id, session_id=session_id)

    async def add_job(self, tenant_id: TenantId, kind: JobKind, subject_id: UUID) -> Job:
        """See the port."""
        job = await self._sql.one("add_job", Job, id=new_id(), tenant_id=tenant_id, kind=kind, subject_id=subject_id)
        if job is None:
            raise NotFoundError("tenant", tenant_id)
        return job

    def add_job_of_ended(self, run: Run, kind: JobKind) -> Pending[Job | None]:
        """See the port."""
        return self._sql.one("add_job_of_ended", Job, id=new_id(), tenant_id=run.tenant_id, kind=kind, run_id=run.id)

    async def take_job(self, job_id: JobId, *, lease: timedelta) -> Job | None:
        """See the port."""
        return await self._sql.one("take_job", Job, job_id=job_id, lease=lease)

    async def complete_job(self, job_id: JobId) -> None:
        """See the port."""
        await self._sql.count("complete_job", job_id=job_id)

    async def retry_job(self, job: Job, *, pause: timedelta) -> None:
        """See the port."""
        await self._sql.count("retry_job", job_id=job.id, attempt=job.attempts, pause=pause)

    async def due_jobs(self, *, older_than: timedelta, limit: int) -> tuple[Job, ...]:
        """See the port. Each attempt that nobody has ended doubles the wait, up to eight times `older_than`."""
        return tuple(await self._sql.many("due_jobs", Job, older_than=older_than, rows=limit))


def _run_id(*, id: RunId) -> RunId:  # noqa: A002 - a column's name
    return id
