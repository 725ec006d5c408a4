"""A client of the server under test: submits runs, follows sessions, notes when what arrived."""

import asyncio
import json
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import aiohttp

from bench.stack import PLAIN, Stack

TERMINAL = frozenset({"run.succeeded", "run.failed", "run.cancelled", "run.budget_exhausted"})
Arrivals = dict[str, dict[str, float]]


@dataclass(slots=True)
class Client:
    """REST and WebSockets over one pool of connections. `arrivals` holds run -> event type -> when it came first."""

    http: aiohttp.ClientSession
    url: str
    arrivals: Arrivals = field(default_factory=lambda: defaultdict(dict))
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The JSON answer. Raises ClientResponseError."""
        async with self.http.post(f"{self.url}{path}", json=body) as response:
            if response.status >= 400:
                raise RuntimeError(f"{path}: {response.status} {await response.text()}")
            return dict(await response.json())

    async def get(self, path: str) -> dict[str, Any]:
        """The JSON answer."""
        async with self.http.get(f"{self.url}{path}", raise_for_status=True) as response:
            return dict(await response.json())

    async def agent(self, **spec: Any) -> str:
        """A new agent without memory and tools, but for what `spec` says; its name."""
        name = f"bench-{uuid4().hex[:12]}"
        await self.post("/v1/agents", {"name": name, "spec": {**PLAIN, **spec}})
        return name

    async def session(self, agent: str) -> str:
        """A new session."""
        return str((await self.post("/v1/sessions", {"agent": agent}))["id"])

    async def submit(self, agent: str, session_id: str | None = None) -> str:
        """Submit a run; its id, once it is committed."""
        body = {"agent": agent, "input": "hello", **({"session_id": session_id} if session_id else {})}
        return str((await self.post("/v1/runs", body))["id"])

    async def ended(self, run_id: str) -> str:
        """Wait for the end of a run; its status."""
        while True:
            run = await self.get(f"/v1/runs/{run_id}/wait?timeout_s=30")
            if run["finished_at"]:
                return str(run["status"])

    async def follow(self, session_id: str, opened: asyncio.Event) -> None:
        """Note what comes over the session's WebSocket, until cancelled."""
        address = f"{self.url}/v1/sessions/{session_id}/stream"
        async with self.http.ws_connect(address) as socket:
            async for message in socket:
                now = time.perf_counter()
                frame = json.loads(message.data)
                if frame["type"] != "event":
                    continue
                opened.set()
                event = frame["event"]
                if event["run_id"]:
                    self.arrivals[event["run_id"]].setdefault(event["type"], now)
                    self.news.set()


@asynccontextmanager
async def open_client(stack: Stack) -> AsyncIterator[Client]:
    """A client with the admin key."""
    headers = {"Authorization": f"Bearer {stack.key}"}
    timeout = aiohttp.ClientTimeout(total=120)
    # A connection that a server is about to close for its idleness is not used again.
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=2)
    async with aiohttp.ClientSession(connector=connector, headers=headers, timeout=timeout) as http:
        yield Client(http, stack.url)


@asynccontextmanager
async def following(client: Client, agent: str, *, sessions: int) -> AsyncIterator[list[str]]:
    """Sessions, each with an open stream."""
    ids = [await client.session(agent) for _ in range(sessions)]
    signs = [asyncio.Event() for _ in ids]
    tasks = [asyncio.create_task(client.follow(one, sign)) for one, sign in zip(ids, signs, strict=True)]
    try:
        async with asyncio.timeout(30):
            for sign in signs:
                await sign.wait()
        yield ids
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def open_loop(send: Callable[[int, float], Awaitable[None]], *, rate: float, seconds: float, seed: int) -> int:
    """Call `send(number, due_at)` at Poisson arrivals, whether or not earlier calls came back; how many there were.

    Latency counts from `due_at`, so that a stalled server cannot hide the requests that it kept from being sent.
    """
    chance = random.Random(seed)
    due_at = time.perf_counter()
    until = due_at + seconds
    number = 0
    async with asyncio.TaskGroup() as group:
        while (due_at := due_at + chance.expovariate(rate)) < until:
            await asyncio.sleep(max(0.0, due_at - time.perf_counter()))
            group.create_task(_call(send, number, due_at))
            number += 1
    return number


async def _call(send: Callable[[int, float], Awaitable[None]], number: int, due_at: float) -> None:
    await send(number, due_at)
