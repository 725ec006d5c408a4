"""`hortus worker --check`: the health check of a container or of a machine that runs workers."""

import socket

from hortus_server.adapters.celery.wakeups import open_wakeups
from hortus_server.adapters.celery.workers import CeleryWorkerControl
from hortus_server.cli.client import CommandError
from hortus_server.ports.workers import WorkerInfo
from hortus_server.settings import BrokerEnvironment

ATTEMPTS = 3  # a busy worker may miss one


async def find_own_workers() -> tuple[WorkerInfo, ...]:
    """The workers that run under this host name and answer through the broker; others' do not count.

    Raises:
        CommandError: None does.
        UnavailableError: The broker does not answer.
    """
    broker = BrokerEnvironment().broker
    host = socket.gethostname()
    async with open_wakeups(broker.url.get_secret_value(), timeout_s=broker.timeout_s) as queue:
        control = CeleryWorkerControl(queue.app)
        for _ in range(ATTEMPTS):
            if found := tuple(worker for worker in await control.list() if worker.hostname == host):
                return found
    raise CommandError(f"no worker of {host} answers")
