"""Celery pools for asynchronous tasks: one event loop per process.

`AsyncioPool` runs Celery's unmodified tracer in a greenlet on one event loop, so that thousands of tasks that wait
for a model cost no thread. `SharedLoopPool` is the fallback: Celery's own threads pool over the same loop.
See docs/adr/0008-celery-asyncio-pool.md.
"""

import asyncio
import functools
import itertools
import os
import time
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar

from billiard.einfo import ExceptionInfo
from celery import signals
from celery.concurrency.base import BasePool
from celery.concurrency.thread import TaskPool
from celery.exceptions import WorkerTerminate
from celery.platforms import EX_FAILURE

from hortus_server.worker.app import WorkerApp
from hortus_server.worker.bridge import in_bridge
from hortus_server.worker.loop_thread import LoopThread

HANDOVER_S = 5.0  # seconds that cancelled tasks get to give up what they hold


class Job:
    """A scheduled task. Celery keeps a weak reference to it and calls `terminate` on revoke."""

    __slots__ = ("__weakref__", "_cancel", "accepted", "done", "number", "task")

    def __init__(self, number: int, cancel: Callable[["Job"], None]) -> None:
        self.number = number
        self.accepted = False
        self.done = False
        self.task: asyncio.Task[None] | None = None
        self._cancel = cancel

    def terminate(self, _signal: object = None) -> None:
        """Cancel the task; its body sees CancelledError at the point where it waits."""
        self._cancel(self)


class AsyncioPool(BasePool):
    """Runs tasks on one event loop, `limit` at a time; later ones wait unacknowledged.

    Celery's bookkeeping (acknowledge, ready) happens on the consumer's thread: completions are posted to its hub,
    which an eventfd wakes.
    """

    is_green: ClassVar[bool] = False  # True would make the consumer call spawn_n
    signal_safe: ClassVar[bool] = False
    task_join_will_block: ClassVar[bool] = False
    body_can_be_buffer: ClassVar[bool] = True
    app: WorkerApp

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._numbers = itertools.count(1)
        self._jobs: dict[int, Job] = {}
        self._posted: deque[tuple[Callable[..., object], tuple[object, ...]]] = deque()
        self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._on_hub = False
        self._thread: LoopThread | None = None
        self._slots: asyncio.Semaphore | None = None

    # -- Celery's interface ------------------------------------------------------------------------------------------

    def on_start(self) -> None:
        """Start the loop and, on it, the worker's services."""
        self._slots = asyncio.Semaphore(self.limit)
        self._thread = LoopThread(self.app.lifespan)
        try:
            self._thread.start()
        except asyncio.CancelledError:  # by a cold shutdown in the midst of it
            raise WorkerTerminate(EX_FAILURE) from None
        signals.worker_shutting_down.connect(self._on_shutting_down, weak=False)

    def register_with_event_loop(self, hub: Any) -> None:
        """Let completions wake the consumer's hub; called again after each reconnect to the broker."""
        hub.add_reader(self._wake_fd, self._on_wake)
        self._on_hub = True

    def on_apply(
        self,
        target: Callable[..., Any],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
        *,
        callback: Callable[..., object] | None = None,
        accept_callback: Callable[..., object] | None = None,
        **_options: object,
    ) -> Job:
        """Schedule a task; returns at once."""
        thread = self._started()
        job = Job(next(self._numbers), self._cancel)
        self._jobs[job.number] = job
        body = functools.partial(target, *args, **(kwargs or {}))
        thread.loop.call_soon_threadsafe(self._begin, job, body, accept_callback, callback)
        return job

    def terminate_job(self, pid: int, _signal: object = None) -> None:
        """Cancel by the number that the task was accepted under."""
        job = self._jobs.get(pid)
        if job is not None:
            self._cancel(job)

    def on_stop(self) -> None:
        """Warm shutdown: give tasks `drain_s` to come to a good end, then cancel them.

        Idempotent, and may be called in its own midst: a second signal's handler does.
        """
        self.app.begin_drain()
        self._wait_for_jobs(self.app.drain_s)
        self._end()

    def on_terminate(self) -> None:
        """Cold shutdown: cancel at once."""
        self._end()

    @property
    def num_processes(self) -> int:
        """What the consumer may reserve."""
        return int(self.limit)

    def _get_info(self) -> dict[str, Any]:
        return {**super()._get_info(), "running": len(self._jobs)}

    # -- the loop's side ---------------------------------------------------------------------------------------------

    def _begin(
        self,
        job: Job,
        body: Callable[[], Any],
        accept: Callable[..., object] | None,
        callback: Callable[..., object] | None,
    ) -> None:
        job.task = asyncio.get_running_loop().create_task(self._run(job, body, accept, callback))
        if job.done:  # terminated before it began
            job.task.cancel()

    async def _run(
        self,
        job: Job,
        body: Callable[[], Any],
        accept: Callable[..., object] | None,
        callback: Callable[..., object] | None,
    ) -> None:
        outcome: object = (0, None, 0.0)
        try:
            async with self._free_slots():
                self._accept(job, accept)
                outcome = await in_bridge(body)
        except asyncio.CancelledError:
            # Not re-raised: this is the task's own end, and Celery wants to hear of it.
            self._accept(job, accept)
        except Exception:  # noqa: BLE001 - a task boundary; what the body itself raises, the tracer has caught
            outcome = (1, ExceptionInfo(), 0.0)
        finally:
            self._jobs.pop(job.number, None)
            job.done = True
            if callback is not None:
                self._post(callback, outcome)
            else:
                self._wake()

    def _accept(self, job: Job, accept: Callable[..., object] | None) -> None:
        if accept is not None and not job.accepted:
            job.accepted = True
            self._post(accept, job.number, time.monotonic())

    def _post(self, callback: Callable[..., object], *args: object) -> None:
        if not self._on_hub:
            callback(*args)
            return
        self._posted.append((callback, args))
        if len(self._posted) == 1:  # the hub was woken for what already waits, and takes all of it
            self._wake()

    def _free_slots(self) -> asyncio.Semaphore:
        if self._slots is None:
            raise RuntimeError("the pool was not started")
        return self._slots

    # -- the consumer's side -----------------------------------------------------------------------------------------

    def _started(self) -> LoopThread:
        if self._thread is None:
            raise RuntimeError("the pool was not started")
        return self._thread

    def _cancel(self, job: Job) -> None:
        if self._thread is not None:  # else the pool is about to end, and with it every job
            self._thread.loop.call_soon_threadsafe(self._cancel_on_loop, job)

    @staticmethod
    def _cancel_on_loop(job: Job) -> None:
        if job.task is None:
            job.done = True
        elif not job.task.done():
            job.task.cancel()

    def _wake(self) -> None:
        os.eventfd_write(self._wake_fd, 1)

    def _on_wake(self) -> None:
        try:
            os.eventfd_read(self._wake_fd)
        except BlockingIOError:
            return
        self._deliver()

    def _deliver(self) -> None:
        try:
            while self._posted:
                callback, args = self._posted.popleft()
                callback(*args)
        finally:
            if self._posted:  # a callback failed; the others must not wait for the next one
                self._wake()

    def _on_shutting_down(self, **_signal: object) -> None:
        self.app.begin_drain()
        self._wake()  # the hub may sleep for a second more

    def _wait_for_jobs(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self._jobs and time.monotonic() < deadline:
            self._deliver()
            time.sleep(0.01)
        self._deliver()

    def _end(self) -> None:
        thread, self._thread = self._thread, None
        if thread is None:
            return
        for job in list(self._jobs.values()):
            thread.loop.call_soon_threadsafe(self._cancel_on_loop, job)
        self._wait_for_jobs(HANDOVER_S)
        thread.stop()
        self._deliver()
        signals.worker_shutting_down.disconnect(self._on_shutting_down)


class SharedLoopPool(TaskPool):
    """The fallback: one thread per task, all awaiting on one shared loop. No terminate, five times the CPU."""

    app: WorkerApp

    def on_start(self) -> None:
        """Start the loop and, on it, the worker's services."""
        self._loop_thread = LoopThread(self.app.lifespan)
        self._loop_thread.start()
        signals.worker_shutting_down.connect(self._on_shutting_down, weak=False)

    def on_stop(self) -> None:
        """Warm shutdown: runs end at their next step, or with the loop."""
        self.app.begin_drain()
        self.executor.shutdown(wait=True, cancel_futures=True)
        self._loop_thread.stop()

    def _on_shutting_down(self, **_signal: object) -> None:
        self.app.begin_drain()
