"""Calls under way in a sandbox, which its closing ends."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from hortus_agents.errors import SandboxError
from hortus_agents.sandbox.contract import SandboxResult


class RunningCalls:
    """The calls of one sandbox, each a task of its own, so that closing the sandbox can end it."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[SandboxResult]] = set()
        self._closed = False

    async def run(self, serve: Callable[[], Coroutine[Any, Any, SandboxResult]]) -> SandboxResult:
        """Serve one call. Raises SandboxError where the sandbox is closed, or gets closed meanwhile."""
        if self._closed:
            raise SandboxError("the sandbox is closed")
        call = asyncio.create_task(serve(), name="sandbox-call")
        self._tasks.add(call)
        call.add_done_callback(self._tasks.discard)
        try:
            return await call
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling() > 0:
                raise
            raise SandboxError("the sandbox was closed during the call") from None

    async def close(self) -> None:
        """End all of them, and take no more."""
        self._closed = True
        running = tuple(self._tasks)
        for call in running:
            call.cancel()
        if running:
            await asyncio.wait(running)
