"""One event loop on a thread of its own, with what must live as long as it."""

import asyncio
import atexit
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack
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


class LoopThread:
    """Runs a uvloop event loop; `lifespan` is entered on it before `start` returns and left before `stop` returns.

    The end of the process stops it too: a loop that still ran while the interpreter is taken down would crash it.
    """

    def __init__(self, lifespan: Lifespan | None = None) -> None:
        self.loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
        self._lifespan = lifespan
        self._stack = AsyncExitStack()
        self._thread = threading.Thread(target=self._run, name="hortus-loop", daemon=True)

    def start(self) -> None:
        """Raises whatever the lifespan raises on entering."""
        self._thread.start()
        _running.append(self)
        atexit.register(self.stop)
        try:
            self.submit(self._enter()).result(START_TIMEOUT_S)
        except BaseException:
            self.stop()
            raise

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Run `coroutine` on the loop, from any other thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def stop(self) -> None:
        """Leave the lifespan, end the loop, join the thread; idempotent."""
        atexit.unregister(self.stop)
        if self in _running:
            _running.remove(self)
        if not self._thread.is_alive():
            return
        try:
            self.submit(self._leave()).result(CLOSE_TIMEOUT_S)
        finally:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(CLOSE_TIMEOUT_S)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()

    async def _enter(self) -> None:
        if self._lifespan is not None:
            await self._stack.enter_async_context(self._lifespan())

    async def _leave(self) -> None:
        await self._stack.aclose()
