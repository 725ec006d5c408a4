"""Runs one process: `python -m hortus_server.cli.process api|worker|beat`; after `worker` may follow queues.

Each imports only its own side: a worker needs no web framework, and an api no task loop.
"""

import faulthandler
import gc
import signal
import sys
from importlib import import_module

from pydantic import ValidationError

from hortus_server.cli.faults import report_settings, told
from hortus_server.domain.errors import HortusError
from hortus_server.domain.queues import QUEUES
from hortus_server.settings import Settings

ENTRIES = {
    "api": ("hortus_server.asgi", "run_api"),
    "worker": ("hortus_server.celery_app", "run_worker"),
    "beat": ("hortus_server.celery_app", "run_beat"),
}


def main() -> None:
    """Run the process named on the command line; what it lacks is said in one line each."""
    faulthandler.enable()  # a crash in native code tells where, as every process of ours does
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # As SIGTERM: who asks before there is anything to end in order gets an end, and no traceback.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        Settings()
        module, name = ENTRIES[sys.argv[1]]
        queues = tuple(queue for queue in QUEUES if queue in sys.argv[2:])
        run = getattr(import_module(module), name)
        # What was imported stays: a full collection, which stops everything meanwhile, need not walk through it.
        gc.collect()
        gc.freeze()
        run(*([queues] if queues else []))
    except ValidationError as error:
        report_settings(error)
        sys.exit(2)
    except HortusError as error:
        sys.stderr.write(f"hortus: {told(error)}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
