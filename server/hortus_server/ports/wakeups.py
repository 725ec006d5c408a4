"""What the reaper and the outbox need: who should be told that there is work."""

from datetime import timedelta
from typing import Protocol
from uuid import UUID

from hortus_server.domain.ids import JobId, RunId, SessionId, TenantId
from hortus_server.domain.records import Job, JobKind, Run
from hortus_server.ports.pending import Pending


class WakeupRepository(Protocol):
    """Who should be told that there is work; the reaper's queries."""

    async def due_runs(self, *, older_than: timedelta, limit: int) -> tuple[RunId, ...]:
        """Mark as woken, and return, runs with work: queued and first of their session, or with an expired lease.

        Runs that wait although they were cancelled are queued by it.
        """
        ...

    def next_queued(self, session_id: SessionId) -> Pending[RunId | None]:
        """Whom to wake after a run of the session ended: its first unfinished run if that is queued, now ready.

        Else, in a tenant with a limit, any of its queued runs, since a place is free.
        """
        ...

    async def add_job(self, tenant_id: TenantId, kind: JobKind, subject_id: UUID) -> Job:
        """Owe a piece of work; same transaction as what caused it."""
        ...

    def add_job_of_ended(self, run: Run, kind: JobKind) -> Pending[Job | None]:
        """The same for a run whose end was asked for before it in the same transaction; None where it did not end."""
        ...

    async def take_job(self, job_id: JobId, *, lease: timedelta) -> Job | None:
        """Claim a job for the time of `lease`; None when done or held by another."""
        ...

    async def complete_job(self, job_id: JobId) -> None:
        """The work is done."""
        ...

    async def retry_job(self, job: Job, *, pause: timedelta) -> None:
        """The attempt failed: the job is due again after `pause`. Nothing where another has taken it since."""
        ...

    async def due_jobs(self, *, older_than: timedelta, limit: int) -> tuple[Job, ...]:
        """Jobs neither done nor held nor recently announced; marks them announced."""
        ...
