"""The Celery application of `hortus worker` and `hortus beat`; also `celery -A hortus_server.celery_app worker`."""

import os
import secrets
import signal
import socket
import sys
import warnings
from collections.abc import Sequence

import structlog
from celery import signals

from hortus_server.domain.queues import QUEUES, QueueName
from hortus_server.telemetry.logs import configure_logs
from hortus_server.wiring import load_settings
from hortus_server.worker import control  # noqa: F401 - registers the remote control commands
from hortus_server.worker.app import WorkerApp
from hortus_server.worker.loop_thread import LoopThread, stop_loops_of_process
from hortus_server.worker.tasks import register_tasks
from hortus_server.worker_wiring import open_beat_process, open_worker_process

log = structlog.get_logger()
_STAYS_AT_HANGUP = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # Celery puts its own handler over that

app = WorkerApp(load_settings=load_settings, open_process=open_worker_process)
register_tasks(app)


@signals.setup_logging.connect(weak=False)
def _set_up_logs(**_signal: object) -> None:
    configure_logs(app.settings.log, process="worker" if app.worker_id else "beat")


@signals.beat_init.connect(weak=False)
def _begin_beat(**_signal: object) -> None:
    LoopThread(lambda: open_beat_process(app.settings)).start()
    _say_ready()
    log.info("beat_ready")


@signals.worker_ready.connect(weak=False)
def _stop_at_hangup(**_signal: object) -> None:
    """A closed terminal is a SIGTERM, unless `nohup` asked to stay; Celery would execute this package's file."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN if _STAYS_AT_HANGUP else signal.getsignal(signal.SIGTERM))


@signals.worker_ready.connect(weak=False)
def _say_ready(**_signal: object) -> None:
    """Whoever started this process need not guess from outside when it begins to work."""
    if app.settings.worker.ready_file is not None:
        app.settings.worker.ready_file.write_text(f"{os.getpid()}\n", "ascii")


def run_worker(queues: Sequence[QueueName] = QUEUES) -> None:
    """Consume until SIGTERM (warm: steps under way end, runs are handed over) or SIGQUIT (cold).

    Ends the process with Celery's status: 0 after a warm stop, 1 after a cold one and where the worker could not start.
    """
    # The embedded mode may run as root; messages are JSON, so nothing in them can be executed.
    warnings.filterwarnings("ignore", message="(?s).*superuser privileges")
    try:
        worker = app.Worker(
            hostname=f"worker-{os.getpid()}-{secrets.token_hex(2)}@{socket.gethostname()}",
            queues=queues,
            quiet=True,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )
        worker.start()
        sys.exit(worker.exitcode)
    finally:
        stop_loops_of_process()


def run_beat() -> None:
    """Send the periodic messages until SIGTERM; one process of the installation is enough, several do no harm."""
    try:
        app.start(["-q", "beat", "--pidfile="])
    finally:
        stop_loops_of_process()
