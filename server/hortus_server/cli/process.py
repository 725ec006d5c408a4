"""Runs one process: `python -m hortus_server.cli.process api|worker|beat`; after `worker` may follow queues.

Apart from the other commands, so that `hortus status` need not import what only a server needs.
"""

import sys
from collections.abc import Callable

import uvloop
from pydantic import ValidationError

from hortus_server.asgi import serve_api
from hortus_server.celery_app import run_beat, run_worker
from hortus_server.cli.faults import report_settings
from hortus_server.domain.errors import HortusError
from hortus_server.domain.queues import QUEUES
from hortus_server.telemetry.logs import configure_logs
from hortus_server.wiring import load_settings


def run_api() -> None:
    """Serve until a signal."""
    settings = load_settings()
    configure_logs(settings.log, process="api")
    uvloop.run(serve_api(settings))


PROCESSES: dict[str, Callable[[], None]] = {
    "api": run_api,
    "worker": lambda: run_worker(tuple(queue for queue in QUEUES if queue in sys.argv[2:]) or QUEUES),
    "beat": run_beat,
}


def main() -> None:
    """Run the process named on the command line; what it lacks is said in one line each."""
    try:
        load_settings()
        PROCESSES[sys.argv[1]]()
    except ValidationError as error:
        report_settings(error)
        sys.exit(2)
    except HortusError as error:
        sys.stderr.write(f"hortus: {error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
