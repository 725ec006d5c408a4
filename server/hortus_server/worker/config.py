"""Celery's configuration, each value for a measured reason (docs/adr/0008-celery-asyncio-pool.md)."""

from typing import Any

from hortus_server.domain.queues import (
    ANCHOR_TASK,
    JOB_TASK,
    PURGE_TASK,
    QUEUES,
    RECOVER_TASK,
    RUN_TASK,
    SCHEDULES_TASK,
    WAITS_TASK,
    WEBHOOKS_TASK,
)
from hortus_server.settings import Settings

PURGE_EVERY_S = 3600.0
POOLS = {
    "asyncio": "hortus_server.worker.pool:AsyncioPool",
    "threads": "hortus_server.worker.pool:SharedLoopPool",
}


def celery_config(settings: Settings) -> dict[str, Any]:
    """What worker and beat run under."""
    worker = settings.worker
    connections = max(2 * worker.concurrency, 16)  # too few lose acknowledgements under load
    return {
        "broker_url": settings.broker.url.get_secret_value(),
        "broker_transport_options": {
            # The message is a wake-up, not a lease: a list of those under way would cost two round trips for each, and
            # a redelivery would only start a run's task twice.
            "ack_emulation": False,
            "max_connections": connections,
            "socket_connect_timeout": settings.broker.timeout_s,
            "socket_keepalive": True,
        },
        "redis_max_connections": connections,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,  # a worker outlives any outage of the broker
        # Sent by queue name Celery uses the anonymous exchange, so that a wiped broker loses no binding that matters.
        "task_queues": {name: {} for name in QUEUES},
        "task_default_queue": "runs",
        "task_create_missing_queues": False,
        "task_routes": {
            RUN_TASK: {"queue": "runs"},
            JOB_TASK: {"queue": "memory"},
            RECOVER_TASK: {"queue": "maintenance"},
            PURGE_TASK: {"queue": "maintenance"},
            SCHEDULES_TASK: {"queue": "maintenance"},
            WEBHOOKS_TASK: {"queue": "maintenance"},
            WAITS_TASK: {"queue": "maintenance"},
            ANCHOR_TASK: {"queue": "maintenance"},
        },
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_ignore_result": True,
        "task_store_errors_even_if_ignored": False,
        "task_acks_late": False,
        "worker_pool": POOLS[worker.pool],
        "worker_concurrency": worker.concurrency,
        "worker_prefetch_multiplier": 1,
        "worker_disable_prefetch": True,  # what this process cannot start yet stays in the queue for others
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_send_task_events": False,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "worker_deduplicate_successful_tasks": False,
        "enable_utc": True,
        "timezone": "UTC",
        "beat_scheduler": "celery.beat:Scheduler",  # the schedule is in code: nothing to keep on disk
        "beat_max_loop_interval": min(worker.reaper_s, worker.due_s, 5.0),
        "beat_schedule": {
            "recover": _look(RECOVER_TASK, worker.reaper_s),
            "schedules": _look(SCHEDULES_TASK, worker.due_s),
            "webhooks": _look(WEBHOOKS_TASK, worker.due_s),
            "waits": _look(WAITS_TASK, worker.due_s),
            "anchor": _look(ANCHOR_TASK, settings.audit.anchor_s),
            "purge": {"task": PURGE_TASK, "schedule": PURGE_EVERY_S, "options": {"expires": PURGE_EVERY_S}},
        },
    }


def _look(task: str, every_s: float) -> dict[str, Any]:
    # An hour without workers must not leave a pile.
    return {"task": task, "schedule": every_s, "options": {"expires": 4 * every_s}}
