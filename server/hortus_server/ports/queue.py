"""What services need of the queue: a wake-up that points at a row."""

from typing import Protocol

from hortus_server.domain.ids import JobId, RunId
from hortus_server.domain.records import JobKind


class WakeupQueue(Protocol):
    """Best effort: a lost, late or doubled wake-up is harmless, the reaper sends it again."""

    async def wake_run(self, run_id: RunId) -> None:
        """There may be work on this run. Never raises; a failure is logged."""
        ...

    async def wake_job(self, job_id: JobId, kind: JobKind) -> None:
        """There may be work on this job. Never raises; a failure is logged."""
        ...
