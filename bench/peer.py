"""What peers have in common: tasks that say on a pub/sub channel that they started, or count themselves done."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING

import redis
from redis.asyncio import Redis

from bench.client import open_loop
from bench.report import Figures, percentiles

if TYPE_CHECKING:
    from redis.asyncio.client import PubSub

CHANNEL = "bench:started"
COUNTER = "bench:done"
COUNTED_AT = "BENCH_COUNTER_URL"  # the Redis of channel and counter, for the peer's workers
SENDERS = 4

Send = Callable[..., Awaitable[None]]
"""Submits a task by name (`say` with its number, or `nothing`), without a result."""


@cache
def _redis() -> redis.Redis:
    return redis.Redis.from_url(os.environ[COUNTED_AT])


def tell_started(number: str) -> None:
    """In a worker: this task has started."""
    _redis().publish(CHANNEL, number)


def count_done() -> None:
    """In a worker: one more is done."""
    _redis().incr(COUNTER)


class Peer:
    """A client of a peer."""

    def __init__(self, send: Send, connection: Redis) -> None:
        self._send = send
        self._redis = connection
        self._arrived: dict[str, float] = {}

    async def latency(self, *, rate: float, seconds: float, seed: int) -> Figures:
        """Open-loop: from the time that a task was due to be submitted until the client reads that it started."""
        due: dict[str, float] = {}

        async def one(number: int, due_at: float) -> None:
            name = f"{seed}-{number}"
            due[name] = due_at
            await self._send("say", name)

        async with self._listening():
            await open_loop(one, rate=rate, seconds=seconds, seed=seed)
            with suppress(TimeoutError):
                async with asyncio.timeout(10):
                    while not due.keys() <= self._arrived.keys():
                        await asyncio.sleep(0.02)
        return percentiles([(self._arrived[name] - at) * 1000 for name, at in due.items() if name in self._arrived])

    async def rate(self, count: int) -> float:
        """Tasks per second from the first submission to the last end."""
        await self._redis.delete(COUNTER)
        began = time.perf_counter()
        async with asyncio.timeout(120), asyncio.TaskGroup() as group:
            for _ in range(SENDERS):
                group.create_task(self._send_many(count // SENDERS))
        async with asyncio.timeout(120):
            while int(await self._redis.get(COUNTER) or 0) < count // SENDERS * SENDERS:
                await asyncio.sleep(0.005)
        return round(count // SENDERS * SENDERS / (time.perf_counter() - began), 1)

    async def _send_many(self, count: int) -> None:
        for _ in range(count):
            await self._send("nothing")

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        self._arrived.clear()
        async with self._redis.pubsub() as pubsub:
            await pubsub.subscribe(CHANNEL)
            task = asyncio.create_task(self._listen(pubsub))
            try:
                yield
            finally:
                task.cancel()
                await asyncio.wait([task])

    async def _listen(self, pubsub: "PubSub") -> None:
        async for message in pubsub.listen():
            if message["type"] == "message":
                self._arrived[message["data"].decode()] = time.perf_counter()
