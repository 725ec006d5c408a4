"""Workers seen and steered through Celery's remote control."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from celery import Celery

from hortus_server.domain.errors import NotFoundError, UnavailableError
from hortus_server.ports.clock import Clock, utc_now
from hortus_server.ports.workers import WorkerInfo

Replies = list[dict[str, dict[str, Any]]]

REPLY_S = 1.0  # workers that answer later are taken for absent
GRACE_S = 3.0  # for the broker itself


@dataclass(frozen=True, slots=True)
class CeleryWorkerControl:
    """Implements WorkerControl. A worker's id is Celery's name of its node."""

    app: Celery
    clock: Clock = utc_now

    async def list(self) -> tuple[WorkerInfo, ...]:
        """See WorkerControl."""
        replies = await self._ask("hortus_report", None)
        return tuple(sorted(replies, key=lambda info: info.id))

    async def drain(self, worker_id: str) -> WorkerInfo:
        """See WorkerControl."""
        return await self._ask_one("hortus_drain", worker_id)

    async def resume(self, worker_id: str) -> WorkerInfo:
        """See WorkerControl."""
        return await self._ask_one("hortus_resume", worker_id)

    async def _ask_one(self, command: str, worker_id: str) -> WorkerInfo:
        replies = await self._ask(command, worker_id)
        if not replies:
            raise NotFoundError("worker", worker_id)
        return replies[0]

    async def _ask(self, command: str, worker_id: str | None) -> tuple[WorkerInfo, ...]:
        try:
            async with asyncio.timeout(REPLY_S + GRACE_S):
                replies = await asyncio.to_thread(self._broadcast, command, worker_id)
        except Exception as error:  # a socket's boundary: kombu lets the errors of its transports through
            raise UnavailableError("broker", str(error) or "no answer") from error
        seen_at = self.clock()
        return tuple(_info(report, seen_at) for reply in replies for report in reply.values() if "error" not in report)

    def _broadcast(self, command: str, worker_id: str | None) -> Replies:
        return (
            self.app.control.broadcast(
                command,
                destination=None if worker_id is None else [worker_id],
                limit=None if worker_id is None else 1,
                reply=True,
                timeout=REPLY_S,
            )
            or []
        )


def _info(report: dict[str, Any], seen_at: datetime) -> WorkerInfo:
    return WorkerInfo(
        id=str(report["id"]),
        hostname=str(report["hostname"]),
        pid=int(report["pid"]),
        state="draining" if report["draining"] else "running",
        queues=tuple(report["queues"]),
        concurrency=int(report["concurrency"]),
        active=int(report["active"]),
        seen_at=seen_at,
    )
