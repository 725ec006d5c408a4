"""`hortus api`, `worker`, `beat`: each becomes its process, so that signals reach it directly."""

import asyncio
import os
import sys
from typing import Annotated

import typer

from hortus_server.cli.client import CommandError
from hortus_server.cli.render import out
from hortus_server.cli.worker_check import find_own_workers
from hortus_server.domain.queues import QUEUES

PROCESS = (sys.executable, "-m", "hortus_server.cli.process")


def replace_process(argv: tuple[str, ...]) -> None:
    """Become another program."""
    sys.stdout.flush()
    os.execv(argv[0], argv)  # noqa: S606  # our own interpreter with our own arguments


def api(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
) -> None:
    """Serve REST, WebSocket, SSE and the admin UI."""
    if host is not None:
        os.environ["HORTUS_API_HOST"] = host
    if port is not None:
        os.environ["HORTUS_API_PORT"] = str(port)
    replace_process((*PROCESS, "api"))


def worker(
    queues: Annotated[
        str, typer.Option(help="Only these: runs, evolve, memory, maintenance; for example runs,evolve.")
    ] = ",".join(QUEUES),
    check: Annotated[
        bool, typer.Option("--check", help="Ask whether a worker of this host answers, and exit.")
    ] = False,
) -> None:
    """Execute runs; start as many as you like, on as many machines."""
    if check:
        out.print("\n".join(worker.id for worker in asyncio.run(find_own_workers())))
        return
    wanted = [queue.strip() for queue in queues.split(",")]
    if unknown := set(wanted) - set(QUEUES):
        raise CommandError(f"no such queue: {', '.join(sorted(unknown))}; there are {', '.join(QUEUES)}")
    replace_process((*PROCESS, "worker", *wanted))


def beat() -> None:
    """Send lost wake-ups again and watch leases; several do no harm."""
    replace_process((*PROCESS, "beat"))
