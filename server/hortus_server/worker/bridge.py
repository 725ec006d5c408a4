"""Await a coroutine from the synchronous body of a Celery task.

Celery's tracer is a plain function that calls the task's body. It runs inside a greenlet here; `await_` switches back
to the coroutine that drives the greenlet, which awaits on its behalf. The idea is SQLAlchemy's `greenlet_spawn`.
"""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from greenlet import getcurrent, greenlet

from hortus_server.worker.loop_thread import running_loop_of_process

T = TypeVar("T")


class _Bridge(greenlet):
    """A greenlet whose parent is the coroutine that awaits for it."""

    def __init__(self, body: Callable[..., Any], driver: greenlet) -> None:
        super().__init__(body, driver)
        self.gr_context = driver.gr_context


async def in_bridge(body: Callable[..., T], *args: object, **kwargs: object) -> T:
    """Call `body`; wherever it uses `await_`, await that here. Cancellation is thrown into `body` at that point."""
    bridge = _Bridge(body, getcurrent())
    wanted = bridge.switch(*args, **kwargs)
    while not bridge.dead:
        try:
            value = await wanted
        except BaseException:  # noqa: BLE001 - it belongs to the body, whatever it is
            wanted = bridge.throw(*sys.exc_info())
        else:
            wanted = bridge.switch(value)
    result: T = wanted
    return result


def await_(coroutine: Coroutine[Any, Any, T]) -> T:
    """Wait for `coroutine` from a task's body, on either pool.

    On the asyncio pool it is awaited in place; on the threads pool it runs on the process's one shared loop.
    Raises what the coroutine raises, and CancelledError when the task is revoked with terminate (asyncio pool only).
    """
    current = getcurrent()
    if isinstance(current, _Bridge):
        result: T = current.parent.switch(coroutine)
        return result
    return asyncio.run_coroutine_threadsafe(coroutine, running_loop_of_process()).result()
