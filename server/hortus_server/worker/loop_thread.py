"""One event loop on a thread of its own, with what must live as long as it."""

import asyncio
import atexit
import concurrent.futures
import signal
import threading
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")
START_TIMEOUT_S = 60.0
CLOSE_TIMEOUT_S = 10.0

Lifespan = Callable[[], AbstractAsyncContextManager[object]]

_running: list["LoopThread"] = []


def running_loop_of_process() -> asyncio.AbstractEventLoop:
    """The loop that the worker's pool started. Raises RuntimeError outside a worker."""
    if not _running:
        raise RuntimeError("no event loop: this task runs outside a Hortus worker")
    return _running[-1].loop


def stop_loops_of_process() -> None:
    """Stop whatever runs; before the interpreter's end, and deaf to whoever asks a second time."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for thread in reversed(_running.copy()):
        thread.stop()


class LoopThread:
    """Runs a uvloop event loop; `lifespan` is entered on it before `start` returns and left before `stop` returns.

    The end of the process stops it too: a loop that still ran while the interpreter is taken down would crash it.
    Whoever starts it had better stop it before that, since no thread of an executor can be had any more by then.
    """

    def __init__(self, lifespan: Lifespan = nullcontext) -> None:
        self.loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
        self._lifespan = lifespan
        self._life: asyncio.Task[None] | None = None
        self._entered: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="hortus-loop", daemon=True)

    def start(self) -> None:
        """Raises whatever the lifespan raises on entering."""
        self._thread.start()
        _running.append(self)
        atexit.register(self.stop)
        try:
            self._entered.result(START_TIMEOUT_S)
        except BaseException:
            self.stop()
            raise

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Run `coroutine` on the loop, from any other thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def stop(self) -> None:
        """Leave the lifespan, end what still runs on the loop, join the thread; idempotent.

        A lifespan that is not left in time is cancelled; one that is still being entered is cancelled at once.
        """
        for end in (self._leave, self._cancel):
            if self._thread.is_alive():
                with suppress(RuntimeError):  # closed meanwhile
                    self.loop.call_soon_threadsafe(end)
                self._thread.join(CLOSE_TIMEOUT_S)
        # Last: a signal may have broken off the above, and somebody has to do it then.
        atexit.unregister(self.stop)
        if self in _running:
            _running.remove(self)

    def _run(self) -> None:
        with suppress(asyncio.CancelledError), asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            runner.run(self._live())

    async def _live(self) -> None:
        self._life = asyncio.current_task()
        try:
            async with self._lifespan():
                self._entered.set_result(None)
                await self._stopping.wait()
        except BaseException as error:
            if self._entered.done():
                raise
            self._entered.set_exception(error)

    def _leave(self) -> None:
        self._stopping.set()
        if not self._entered.done():
            self._cancel()

    def _cancel(self) -> None:
        if self._life is not None:
            self._life.cancel()
