"""BENCH row d: from `kill -9` of a worker to the next event of its run, written by another worker.

Two worker processes, a model that answers slowly, leases of 60 s so that only the fast way counts. One run at a time
is caught in the middle of its answer; the process that holds it is killed; the clock stops when the next event of the
run is committed, seen by a poll of the log every 2 ms. A killed worker is back before the next kill. The two are this
benchmark's own, since a supervisor gives up on a component that dies all the time; the installation's one worker is
drained and, like beat, only looks. Before the kills the transactions of the idle installation are counted, from
PostgreSQL's own statistics.
"""

import argparse
import asyncio
import os
import random
import re
import signal
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

import psycopg
import uvloop

from bench.client import Client, open_client
from bench.report import percentiles, table, write
from bench.stack import CLI, child, open_stack

TARGET_MS = {"p50_ms": 500, "p99_ms": 2000}
SLOW = {"default": {"json": {"answer": "one two three four five six seven eight nine ten " * 4}, "tokens_per_s": 20}}
SETTINGS = {"HORTUS_WORKER_LEASE_S": "60"}
WORKERS = 2
PATIENCE_S = 240.0
IDLE_S = 10.0
PID = re.compile(r"worker-(\d+)-")
COUNTED = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
HOLDER = "SELECT worker_id, generation FROM runs WHERE id = %s AND status = 'running'"
NEXT = "SELECT min(seq) FROM events WHERE session_id = %s AND seq > %s"
LAST = "SELECT max(e.seq), min(e.session_id::text)::uuid FROM events AS e WHERE e.run_id = %s"
PRESENT = "SELECT count(*) FROM workers"
NAME = "SELECT id FROM workers"

Connection = psycopg.AsyncConnection[Any]


async def value(connection: Connection, query: str, *parameters: object) -> Any:
    row = await (await connection.execute(query.encode(), parameters)).fetchone()
    return row[0] if row else None


async def until(connection: Connection, query: str, *parameters: object, every_s: float = 0.05, least: int = 1) -> None:
    """Poll until the query's value is at least `least`."""
    while (await value(connection, query, *parameters) or 0) < least:
        await asyncio.sleep(every_s)


async def idle_queries_per_s(connection: Connection) -> float:
    """Transactions per second of everything that runs while nothing is to be done."""
    before = await value(connection, COUNTED)
    await asyncio.sleep(IDLE_S)
    return round(float(await value(connection, COUNTED) - before) / IDLE_S, 2)


async def one_kill(client: Client, connection: Connection, *, agent: str, dice: random.Random) -> float:
    """Milliseconds until the next event."""
    run_id = UUID(await client.submit(agent))
    worker_id = ""
    while not worker_id:
        worker_id = await value(connection, HOLDER, run_id) or ""
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2 + dice.random())  # in the middle of its answer, at any phase of the others' looks
    found = PID.search(worker_id)
    if found is None:
        raise RuntimeError(f"{worker_id} names no process")
    row = await (await connection.execute(LAST, [run_id])).fetchone()
    seq, session_id = row or (0, None)
    os.kill(int(found[1]), signal.SIGKILL)
    killed_at = time.perf_counter()
    await until(connection, NEXT, session_id, seq, every_s=0.002)
    took_ms = (time.perf_counter() - killed_at) * 1000
    await client.post(f"/v1/runs/{run_id}/cancel", {"reason": "measured"})
    return took_ms


async def start_workers(exits: AsyncExitStack, env: Mapping[str, str], connection: Connection) -> None:
    """Bring the number of workers to WORKERS, and the installation's own."""
    for _ in range(WORKERS + 1 - int(await value(connection, PRESENT))):
        await exits.enter_async_context(child(*CLI, "worker", env=env))
    await until(connection, PRESENT, least=WORKERS + 1)


async def measure(*, kills: int, seed: int) -> None:
    dice = random.Random(seed)
    async with AsyncExitStack() as exits:
        stack = await exits.enter_async_context(open_stack(workers=1, settings=SETTINGS, model=SLOW))
        client = await exits.enter_async_context(open_client(stack))
        connection = await exits.enter_async_context(
            await psycopg.AsyncConnection.connect(stack.database_url, autocommit=True)
        )
        agent = await client.agent()
        own = stack.processes()["worker-1"]
        await until(connection, PRESENT)
        idle = {1: await idle_queries_per_s(connection)}
        await client.post(f"/v1/admin/workers/{await value(connection, NAME)}/drain", {})
        await start_workers(exits, own.environ(), connection)
        await asyncio.sleep(2)
        idle[WORKERS + 1] = await idle_queries_per_s(connection)
        taken = []
        for number in range(kills):
            async with asyncio.timeout(PATIENCE_S):
                taken.append(await one_kill(client, connection, agent=agent, dice=dice))
            await start_workers(exits, own.environ(), connection)
            await asyncio.sleep(1.0)  # the worker that came back has looked around
            print(f"kill {number + 1}: {taken[-1]:.0f} ms", flush=True)
    report(taken, idle=idle, seed=seed)


def report(taken: list[float], *, idle: dict[int, float], seed: int) -> None:
    rows: dict[str, Mapping[str, Any]] = {"next event after kill -9": percentiles(taken), "target": TARGET_MS}
    table(f"d: {len(taken)} kills, seed {seed}", rows)
    for workers, rate in idle.items():
        print(f"idle: {rate} transactions/s of an installation with {workers} workers, api and beat")
    write(
        "takeover",
        {
            "row": "d",
            "target": TARGET_MS,
            "workers": WORKERS,
            "seed": seed,
            "figures": percentiles(taken),
            "max_ms": round(max(taken), 2),
            "taken_ms": [round(one, 1) for one in taken],
            "idle_transactions_per_s": {str(workers): rate for workers, rate in idle.items()},
        },
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    uvloop.run(measure(kills=options.kills, seed=options.seed))


if __name__ == "__main__":
    main()
