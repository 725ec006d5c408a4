"""Celery tasks: messages carry ids, the truth is in PostgreSQL."""

from typing import cast
from uuid import UUID

from hortus_server.domain.ids import JobId, RunId
from hortus_server.domain.queues import (
    ANCHOR_TASK,
    JOB_QUEUES,
    JOB_TASK,
    PURGE_TASK,
    RECOVER_TASK,
    RUN_TASK,
    SCHEDULES_TASK,
    WAITS_TASK,
    WEBHOOKS_TASK,
)
from hortus_server.domain.records import JobKind
from hortus_server.worker.app import WorkerApp
from hortus_server.worker.bridge import await_


def register_tasks(app: WorkerApp) -> None:
    """Give `app` the tasks of the server."""

    @app.task(name=RUN_TASK)
    def run(run_id: str) -> None:
        await_(app.process.execute_run(RunId(UUID(run_id))))

    @app.task(name=JOB_TASK)
    def job(job_id: str, kind: str) -> None:
        if kind not in JOB_QUEUES:
            raise ValueError(f"unknown kind of job {kind!r}")
        await_(app.process.perform_job(JobId(UUID(job_id)), cast("JobKind", kind)))

    @app.task(name=RECOVER_TASK)
    def recover() -> None:
        await_(app.process.recover_runs())

    @app.task(name=PURGE_TASK)
    def purge() -> None:
        await_(app.process.purge())
        await_(app.process.purge_history())
        await_(app.process.purge_events())

    @app.task(name=ANCHOR_TASK)
    def anchor() -> None:
        await_(app.process.anchor_audit())

    @app.task(name=SCHEDULES_TASK)
    def schedules() -> None:
        await_(app.process.fire_schedules())

    @app.task(name=WAITS_TASK)
    def waits() -> None:
        await_(app.process.end_waits())

    @app.task(name=WEBHOOKS_TASK)
    def webhooks() -> None:
        await_(app.process.deliver_webhooks())
