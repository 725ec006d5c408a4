"""A ledger outside the system: it notes every side effect that the tools of a storm have, as it arrives."""

import asyncio
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

SETTLE_S = 0.05  # what arrived before a question is noted before it is answered


@dataclass(frozen=True)
class Effect:
    """One arrival."""

    call_id: str
    run_id: str
    tool: str
    plan: str
    n: int
    at: float


@dataclass
class Ledger:
    """`effects` in the order of arrival. `slow_s` bounds the time that an answer is held back, after its effect.

    While `holding` is set, no answer goes out; while `closed` is set, tools wait before they write, `waiting` of them.
    """

    slow_s: float = 0.0
    dice: random.Random = field(default_factory=random.Random)
    effects: list[Effect] = field(default_factory=list)
    holding: threading.Event = field(default_factory=threading.Event)
    closed: threading.Event = field(default_factory=threading.Event)
    waiting: int = 0
    url: str = ""

    def of(self, call_id: str) -> list[Effect]:
        """What one call has done."""
        return [effect for effect in list(self.effects) if effect.call_id == call_id]

    async def _note(self, request: web.Request) -> web.Response:
        body: dict[str, Any] = await request.json()
        self.effects.append(Effect(**body, at=time.time()))
        await asyncio.sleep(self.dice.random() * self.slow_s)
        while self.holding.is_set():
            await asyncio.sleep(0.01)
        return web.json_response({"noted": f"{body['plan']}/{body['n']}"})

    async def _door(self, _request: web.Request) -> web.Response:
        self.waiting += 1
        try:
            while self.closed.is_set():
                await asyncio.sleep(0.01)
        finally:
            self.waiting -= 1
        return web.Response()

    async def _look(self, request: web.Request) -> web.Response:
        await asyncio.sleep(SETTLE_S)
        found = self.of(request.match_info["call_id"])
        return web.json_response({"count": len(found)})

    async def serve(self, ready: threading.Event, done: threading.Event) -> None:
        """Listen on loopback until `done`."""
        app = web.Application()
        app.add_routes(
            [web.get("/door", self._door), web.post("/effects", self._note), web.get("/effects/{call_id}", self._look)]
        )
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        ready.set()
        while not done.is_set():
            await asyncio.sleep(0.05)
        await runner.cleanup()


@contextmanager
def open_ledger(*, slow_s: float = 0.0, seed: int = 0) -> Iterator[Ledger]:
    """A ledger that listens, on a thread of its own."""
    ledger = Ledger(slow_s, random.Random(seed))
    ready, done = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(ledger.serve(ready, done)), name="ledger")
    thread.start()
    try:
        assert ready.wait(30), "the ledger did not start"
        yield ledger
    finally:
        ledger.holding.clear()
        ledger.closed.clear()
        done.set()
        thread.join()
