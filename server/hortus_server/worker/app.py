"""The Celery application of workers and beat: configured at start-up, never at import."""

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cached_property

from celery import Celery, signals

from hortus_server.settings import Settings
from hortus_server.worker.config import celery_config
from hortus_server.worker.process import WorkerProcess

LoadSettings = Callable[[], Settings]
OpenProcess = Callable[[Settings, str, threading.Event], AbstractAsyncContextManager[WorkerProcess]]
"""Makes the services of a worker process from settings, the worker's id and the flag that a shutdown has begun."""


class WorkerApp(Celery):
    """Celery with the services of this process.

    `load_settings` and `open_process` come from wiring; the pool enters `lifespan` on its event loop before the first
    message is consumed and leaves it after the last task has ended.
    """

    def __init__(self, *, load_settings: LoadSettings, open_process: OpenProcess) -> None:
        super().__init__("hortus", set_as_current=True)
        self._load_settings = load_settings
        self._open_process = open_process
        self._process: WorkerProcess | None = None
        self._draining = threading.Event()  # read on the loop, set by a signal handler
        self.drained_queues: set[str] = set()
        self.worker_id = ""
        signals.celeryd_init.connect(self._name_worker, weak=False)
        self.add_defaults(lambda: celery_config(self.settings))

    @cached_property
    def settings(self) -> Settings:
        """Read from the environment at first use."""
        return self._load_settings()

    @property
    def drain_s(self) -> float:
        """Seconds that running steps get at a warm shutdown."""
        return self.settings.worker.drain_s

    @property
    def draining(self) -> bool:
        """A shutdown has begun: runs are handed over at their next step."""
        return self._draining.is_set()

    @property
    def process(self) -> WorkerProcess:
        """The services of this worker process. Raises RuntimeError outside of one."""
        if self._process is None:
            raise RuntimeError("this process is not a Hortus worker")
        return self._process

    def begin_drain(self) -> None:
        """Ask running runs to stop at their next step; safe in a signal handler, idempotent."""
        self._draining.set()

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[WorkerProcess]:
        """Open and close the services, on the pool's loop."""
        async with self._open_process(self.settings, self.worker_id, self._draining) as process:
            self._process = process
            try:
                yield process
            finally:
                self._process = None

    def _name_worker(self, sender: str = "", **_signal: object) -> None:
        self.worker_id = sender  # Celery's node name, so that remote control reaches the owner of a lease
