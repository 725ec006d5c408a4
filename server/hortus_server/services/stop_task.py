"""End a background task for certain."""

import asyncio
from typing import Any

AGAIN_S = 0.2


async def stop_task(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel tasks and wait until they have ended, however they do.

    One cancellation may not be enough: `asyncio.wait_for` of Python 3.11 swallows one that meets its result, and
    client libraries use it.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=AGAIN_S)
