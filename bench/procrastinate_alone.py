"""The durable peer: procrastinate, jobs as rows of PostgreSQL, by itself on the same server, as many processes."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import psycopg
from procrastinate import App, PsycopgConnector
from redis.asyncio import Redis

from bench.peer import COUNTED_AT, Peer, count_done, tell_started
from bench.stack import Stack, child

DATABASE = "BENCH_DATABASE_URL"
SCHEMA = "bench_procrastinate"
CONCURRENCY = 10  # of each process; its default of one would leave it waiting for commits

app = App(connector=PsycopgConnector(conninfo=os.environ.get(DATABASE, "")))


@app.task(name="say", queue="bench")
async def say(number: str) -> None:
    tell_started(number)


@app.task(name="nothing", queue="bench")
async def nothing() -> None:
    count_done()


@asynccontextmanager
async def open_procrastinate(stack: Stack, *, processes: int) -> AsyncIterator[Peer]:
    """Its worker with listening on, in a schema of its own; fsync and synchronous_commit as the stack has them."""
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {SCHEMA}")
    url = f"{stack.database_url}?options=-csearch_path%3D{SCHEMA}"
    counted_at = stack.broker_url.removesuffix("/0") + "/2"
    argv = ("-m", "procrastinate", "--app", "bench.procrastinate_alone.app", "worker")
    options = ("--queues", "bench", "--concurrency", str(CONCURRENCY), "--delete-jobs", "always")
    async with AsyncExitStack() as exits:
        sender = App(connector=PsycopgConnector(conninfo=url, min_size=4, max_size=8))
        await exits.enter_async_context(sender.open_async())
        await sender.schema_manager.apply_schema_async()
        env = {**os.environ, DATABASE: url, COUNTED_AT: counted_at}
        for _ in range(processes):
            await exits.enter_async_context(child(sys.executable, *argv, *options, env=env))
        counter = await exits.enter_async_context(Redis.from_url(counted_at))

        async def send(task: str, *arguments: str) -> None:
            await sender.configure_task(task, queue="bench").defer_async(
                **dict(zip(("number",), arguments, strict=False))
            )

        peer = Peer(send, counter)
        await peer.rate(40)  # returns once a worker is up
        yield peer
