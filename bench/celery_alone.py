"""The peer: Celery by itself on the same Valkey and the same number of processes; nothing of it is durable.

The client counts from the call of `send_task`, in a thread, as a web server would have to do it.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import uuid4

from celery import Celery
from redis.asyncio import Redis

from bench.peer import COUNTED_AT, SENDERS, Peer, count_done, tell_started
from bench.stack import Stack, child

BROKER = "BENCH_BROKER_URL"

app = Celery("bench", broker=os.environ.get(BROKER), set_as_current=False)
app.conf.update(
    task_ignore_result=True,
    task_default_queue="bench",
    worker_send_task_events=False,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
)


@app.task(name="say")
def say(number: str) -> None:
    tell_started(number)


@app.task(name="nothing")
def nothing() -> None:
    count_done()


@asynccontextmanager
async def open_celery(stack: Stack, *, processes: int) -> AsyncIterator[Peer]:
    """Celery's default pool (prefork) with its defaults, in database 1 of the stack's Valkey."""
    broker = stack.broker_url.removesuffix("/0") + "/1"
    argv = ("-m", "celery", "-q", "-A", "bench.celery_alone", "worker", "-n", f"peer-{uuid4().hex[:6]}@%h")
    options = ("-P", "prefork", "-c", str(processes), "-Q", "bench", "--without-gossip", "--without-mingle")
    async with AsyncExitStack() as exits:
        env = {**os.environ, BROKER: broker, COUNTED_AT: broker}
        await exits.enter_async_context(child(sys.executable, *argv, *options, env=env))
        connection = await exits.enter_async_context(Redis.from_url(broker))
        threads = exits.enter_context(ThreadPoolExecutor(SENDERS))
        sender = Celery("bench-sender", broker=broker, set_as_current=False)
        exits.callback(sender.close)

        async def send(task: str, *arguments: str) -> None:
            await asyncio.get_running_loop().run_in_executor(
                threads, lambda: sender.send_task(task, arguments, queue="bench", ignore_result=True)
            )

        peer = Peer(send, connection)
        await peer.rate(40)  # returns once its worker is up
        yield peer
