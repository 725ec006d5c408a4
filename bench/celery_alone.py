"""The peer: Celery by itself on the same Valkey and the same number of processes; nothing of it is durable.

Its task says on a pub/sub channel that it started, and counts itself done. The client counts from the call of
`send_task`, in a thread, as a web server would have to do it.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import cache
from uuid import uuid4

import redis
from celery import Celery
from redis.asyncio import Redis

from bench.client import open_loop
from bench.report import Figures, percentiles
from bench.stack import Stack, child

CHANNEL = "bench:started"
COUNTER = "bench:done"
BROKER = "BENCH_BROKER_URL"
THREADS = 4

app = Celery("bench", broker=os.environ.get(BROKER), set_as_current=False)
app.conf.update(
    task_ignore_result=True,
    task_default_queue="bench",
    worker_send_task_events=False,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
)


@cache
def _redis() -> redis.Redis:
    return redis.Redis.from_url(os.environ[BROKER])


@app.task(name="bench.say")
def say(number: str) -> None:
    _redis().publish(CHANNEL, number)


@app.task(name="bench.nothing")
def nothing() -> None:
    _redis().incr(COUNTER)


class CeleryAlone:
    """A client of the peer."""

    def __init__(self, sender: Celery, connection: Redis, threads: ThreadPoolExecutor) -> None:
        self._sender = sender
        self._redis = connection
        self._threads = threads
        self._arrived: dict[str, float] = {}

    async def send(self, task: str, *arguments: str) -> None:
        """Submit, without a result."""
        await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: self._sender.send_task(task, arguments, queue="bench", ignore_result=True)
        )

    async def latency(self, *, rate: float, seconds: float, seed: int) -> Figures:
        """Open-loop: from the time that a task was due to be submitted until the client reads that it started."""
        due: dict[str, float] = {}

        async def one(number: int, due_at: float) -> None:
            name = f"{seed}-{number}"
            due[name] = due_at
            await self.send("bench.say", name)

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
            for _ in range(THREADS):
                group.create_task(self._send_many(count // THREADS))
        async with asyncio.timeout(120):
            while int(await self._redis.get(COUNTER) or 0) < count // THREADS * THREADS:
                await asyncio.sleep(0.005)
        return round(count // THREADS * THREADS / (time.perf_counter() - began), 1)

    async def _send_many(self, count: int) -> None:
        for _ in range(count):
            await self.send("bench.nothing")

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

    async def _listen(self, pubsub: "redis.asyncio.client.PubSub") -> None:
        async for message in pubsub.listen():
            if message["type"] == "message":
                self._arrived[message["data"].decode()] = time.perf_counter()


@asynccontextmanager
async def open_celery(stack: Stack, *, processes: int) -> AsyncIterator[CeleryAlone]:
    """Celery's default pool (prefork) with its defaults, in database 1 of the stack's Valkey."""
    broker = stack.broker_url.removesuffix("/0") + "/1"
    argv = ("-m", "celery", "-q", "-A", "bench.celery_alone", "worker", "-n", f"peer-{uuid4().hex[:6]}@%h")
    options = ("-P", "prefork", "-c", str(processes), "-Q", "bench", "--without-gossip", "--without-mingle")
    async with AsyncExitStack() as exits:
        env = {**os.environ, BROKER: broker}
        await exits.enter_async_context(child(sys.executable, *argv, *options, env=env))
        connection = await exits.enter_async_context(Redis.from_url(broker))
        threads = exits.enter_context(ThreadPoolExecutor(THREADS))
        sender = Celery("bench-sender", broker=broker, set_as_current=False)
        exits.callback(sender.close)
        peer = CeleryAlone(sender, connection, threads)
        await peer.rate(40)  # returns once its worker is up
        yield peer
