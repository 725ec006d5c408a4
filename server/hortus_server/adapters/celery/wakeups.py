"""Wake-ups as Celery messages. They carry an id and nothing else.

Celery's own producer blocks and needs threads. What it would send is composed here instead (Celery's message protocol 2
in the envelope that kombu's transport for Redis reads) and pushed to the queue's list over a connection of this loop.
"""

import asyncio
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import orjson
import structlog
from celery import Celery
from redis.asyncio import Redis
from redis.exceptions import RedisError

from hortus_server.adapters.redis.client import connect_redis, notice_cancellation
from hortus_server.domain.ids import JobId, RunId
from hortus_server.domain.queues import JOB_QUEUES, JOB_TASK, QUEUES, RUN_TASK, QueueName
from hortus_server.domain.records import JobKind

log = structlog.get_logger()

BACKLOG = 1_000  # wake-ups under way; beyond it the reaper sends them
REPORT_EVERY_S = 10.0


@dataclass(slots=True)
class CeleryWakeups:
    """Implements WakeupQueue. `app` sends what is no wake-up. Use `open_wakeups`."""

    app: Celery
    redis: Redis
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
                await self.redis.lpush(queue, compose(self.app, task, arguments, queue=queue))
        except (RedisError, OSError, TimeoutError) as error:
            self._report(str(error) or type(error).__name__)
        finally:
            self._waiting -= 1
        notice_cancellation()

    def _report(self, why: str) -> None:
        self._lost += 1
        now = time.monotonic()
        if now - self._reported_at >= REPORT_EVERY_S:
            log.warning("wakeups_lost", count=self._lost, why=why)
            self._reported_at = now
            self._lost = 0


def compose(app: Celery, task: str, arguments: list[str], *, queue: QueueName) -> bytes:
    """The message of a task as it stands in the list of its queue."""
    message = app.amqp.as_task_v2(str(uuid4()), task, arguments, ignore_result=True)
    envelope: dict[str, Any] = {
        "body": b64encode(orjson.dumps(message.body)).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": message.headers,
        "properties": {
            **message.properties,
            "body_encoding": "base64",
            "delivery_info": {"exchange": "", "routing_key": queue},
            "delivery_mode": 2,
            "delivery_tag": str(uuid4()),
            "priority": 0,
        },
    }
    return orjson.dumps(envelope)


def producer(broker_url: str, *, timeout_s: float) -> Celery:
    """A Celery application that composes messages and asks workers; it fails fast."""
    app = Celery("hortus-producer", broker=broker_url, set_as_current=False)
    transport: dict[str, Any] = {
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "max_connections": 8,
        "max_retries": 0,
    }
    app.conf.update(
        broker_transport_options=transport,
        broker_connection_max_retries=0,
        broker_pool_limit=3,
        task_queues={name: {} for name in QUEUES},
        task_default_queue="runs",
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
    )
    return app


@asynccontextmanager
async def open_wakeups(broker_url: str, *, timeout_s: float) -> AsyncIterator[CeleryWakeups]:
    """A queue with its connections."""
    app = producer(broker_url, timeout_s=timeout_s)
    redis = connect_redis(broker_url, timeout_s=timeout_s)
    try:
        yield CeleryWakeups(app, redis, timeout_s)
    finally:
        await redis.aclose()
        await asyncio.to_thread(app.close)
