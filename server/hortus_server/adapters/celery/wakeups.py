"""Wake-ups as Celery messages. They carry an id and nothing else."""

import asyncio
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from celery import Celery

from hortus_server.domain.ids import JobId, RunId
from hortus_server.domain.queues import JOB_QUEUES, JOB_TASK, QUEUES, RUN_TASK, QueueName
from hortus_server.domain.records import JobKind

log = structlog.get_logger()

THREADS = 2
BACKLOG = 1_000  # wake-ups that wait for a thread; beyond it the reaper sends them
REPORT_EVERY_S = 10.0


@dataclass(slots=True)
class CeleryWakeups:
    """Implements WakeupQueue. Celery's producer blocks, so it works in threads of its own. Use `open_wakeups`."""

    app: Celery
    threads: ThreadPoolExecutor
    timeout_s: float
    _waiting: int = 0
    _lost: int = 0
    _reported_at: float = float("-inf")

    async def wake_run(self, run_id: RunId) -> None:
        """See WakeupQueue."""
        await self._send(RUN_TASK, [str(run_id)], queue="runs")

    async def wake_job(self, job_id: JobId, kind: JobKind) -> None:
        """See WakeupQueue."""
        await self._send(JOB_TASK, [str(job_id), kind], queue=JOB_QUEUES[kind])

    async def _send(self, task: str, arguments: list[str], *, queue: QueueName) -> None:
        if self._waiting >= BACKLOG:
            self._report("the backlog is full")
            return
        self._waiting += 1
        try:
            async with asyncio.timeout(self.timeout_s):
                await asyncio.get_running_loop().run_in_executor(self.threads, self._send_now, task, arguments, queue)
        except Exception as error:  # noqa: BLE001 - a socket's boundary: kombu lets its transports' errors through
            self._report(str(error) or type(error).__name__)
        finally:
            self._waiting -= 1

    def _send_now(self, task: str, arguments: list[str], queue: QueueName) -> None:
        self.app.send_task(task, arguments, queue=queue, ignore_result=True, retry=False)

    def _report(self, why: str) -> None:
        self._lost += 1
        now = time.monotonic()
        if now - self._reported_at >= REPORT_EVERY_S:
            log.warning("wakeups_lost", count=self._lost, why=why)
            self._reported_at = now
            self._lost = 0


def producer(broker_url: str, *, timeout_s: float) -> Celery:
    """A Celery application that only sends; it fails fast, since the reaper makes up for what is lost."""
    app = Celery("hortus-producer", broker=broker_url, set_as_current=False)
    transport: dict[str, Any] = {
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "max_connections": 4 * THREADS,
        "max_retries": 0,
    }
    app.conf.update(
        broker_transport_options=transport,
        broker_connection_max_retries=0,
        broker_pool_limit=THREADS + 1,
        task_queues={name: {} for name in QUEUES},
        task_default_queue="runs",
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
    )
    return app


@asynccontextmanager
async def open_wakeups(broker_url: str, *, timeout_s: float) -> AsyncIterator[CeleryWakeups]:
    """A queue with its threads."""
    threads = ThreadPoolExecutor(THREADS, thread_name_prefix="hortus-wakeups")
    app = producer(broker_url, timeout_s=timeout_s)
    try:
        yield CeleryWakeups(app, threads, timeout_s)
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(app.close)
