"""What a worker process can do: one callable per message."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from hortus_server.domain.ids import JobId, RunId
from hortus_server.domain.records import JobKind


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """The use cases behind the queues. All are idempotent: a message may come late, twice or never."""

    worker_id: str
    execute_run: Callable[[RunId], Coroutine[Any, Any, None]]
    perform_job: Callable[[JobId, JobKind], Coroutine[Any, Any, None]]
    recover_runs: Callable[[], Coroutine[Any, Any, None]]
    fire_schedules: Callable[[], Coroutine[Any, Any, int]]
    deliver_webhooks: Callable[[], Coroutine[Any, Any, int]]
    end_waits: Callable[[], Coroutine[Any, Any, int]]
    anchor_audit: Callable[[], Coroutine[Any, Any, int]]
    purge: Callable[[], Coroutine[Any, Any, None]]
    purge_history: Callable[[], Coroutine[Any, Any, None]]
    purge_events: Callable[[], Coroutine[Any, Any, None]]
