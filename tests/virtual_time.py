"""Time for tests that only wait: it passes at once, and never while something is under way."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest


@dataclass
class VirtualClock:
    """The running loop's clock; calling it tells the time in seconds."""

    now: float

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def virtual_clock(monkeypatch: pytest.MonkeyPatch) -> VirtualClock:
    """Timers are due as soon as nothing else is left to do: no test waits, and a busy machine is never late.

    Not for tests with threads, processes or sockets, whose answers take real time.
    """
    loop: Any = asyncio.get_running_loop()
    clock = VirtualClock(loop.time())
    select = loop._selector.select

    def skip(timeout: float | None) -> list[Any]:
        events: list[Any] = select(timeout if timeout is None else 0)
        if not events and timeout:
            clock.now += timeout
        return events

    monkeypatch.setattr(loop, "time", clock)
    monkeypatch.setattr(loop._selector, "select", skip)
    return clock
