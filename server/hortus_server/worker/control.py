"""Remote control commands of a worker: look, drain, resume. Registered with Celery when a worker imports this."""

import os
import socket
from typing import Any

from celery.worker import state as worker_state
from celery.worker.control import control_command, inspect_command

from hortus_server.worker.app import WorkerApp


def _report(state: Any) -> dict[str, Any]:
    app: WorkerApp = state.app
    consumer = state.consumer
    queues = sorted(queue.name for queue in consumer.task_consumer.queues) if consumer.task_consumer else []
    return {
        "id": app.worker_id,
        "hostname": socket.gethostname(),
        "pid": os.getpid(),
        "queues": queues,
        "draining": app.draining or bool(app.drained_queues),
        "concurrency": consumer.pool.num_processes,
        "active": len(worker_state.active_requests),
    }


@inspect_command(name="hortus_report")
def hortus_report(state: Any, **_arguments: object) -> dict[str, Any]:
    """What this worker is and does."""
    return _report(state)


@control_command(name="hortus_drain")
def hortus_drain(state: Any, **_arguments: object) -> dict[str, Any]:
    """Take no new work; what runs goes on."""
    app: WorkerApp = state.app
    for queue in [queue.name for queue in state.consumer.task_consumer.queues]:
        state.consumer.cancel_task_queue(queue)
        app.drained_queues.add(queue)
    return _report(state)


@control_command(name="hortus_resume")
def hortus_resume(state: Any, **_arguments: object) -> dict[str, Any]:
    """Take work again from the queues that draining had left."""
    app: WorkerApp = state.app
    for queue in sorted(app.drained_queues):
        state.consumer.add_task_queue(queue)
    app.drained_queues.clear()
    return _report(state)
