"""Named stalls that a test ends when it likes."""

import asyncio
from collections import Counter


class Gates:
    """Replies wait at a named gate until it is released; a released gate stays open until it is held again."""

    def __init__(self) -> None:
        self._open: dict[str, asyncio.Event] = {}
        self._waiting: Counter[str] = Counter()
        self._arrivals = asyncio.Condition()

    def _gate(self, name: str) -> asyncio.Event:
        return self._open.setdefault(name, asyncio.Event())

    async def wait(self, name: str, *, limit_s: float) -> None:
        """Wait at gate `name`, at most `limit_s`."""
        self._waiting[name] += 1
        async with self._arrivals:
            self._arrivals.notify_all()
        try:
            async with asyncio.timeout(limit_s):
                await self._gate(name).wait()
        except TimeoutError:
            return
        finally:
            self._waiting[name] -= 1

    def release(self, name: str) -> int:
        """Open gate `name`; says how many replies were waiting there."""
        self._gate(name).set()
        return self._waiting[name]

    def hold(self, name: str) -> None:
        """Close gate `name` again."""
        self._gate(name).clear()

    def hold_all(self) -> None:
        """Close every gate."""
        for gate in self._open.values():
            gate.clear()

    async def until_waiting(self, name: str, count: int) -> None:
        """Return once `count` replies wait at gate `name`."""
        async with self._arrivals:
            await self._arrivals.wait_for(lambda: self._waiting[name] >= count)
