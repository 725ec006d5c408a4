"""BENCH row i: transactions and statements that one run of one step costs, by PostgreSQL's own count.

`transactions` is the growth of `pg_stat_database.xact_commit` per run; it counts reading ones too. `writing ones` are
those that were given a transaction id. What heartbeats, beat and this benchmark commit meanwhile is measured over an
idle interval just as long and taken off. `messages` are what PostgreSQL logs with `log_statement = all`, a line each:
statements travel together, with BEGIN and COMMIT among them, and each message is a round trip.
"""

import argparse
import asyncio
import time
from dataclasses import dataclass

import psycopg
import uvloop

from bench.client import Client, open_client
from bench.report import table, write
from bench.stack import Stack, open_stack

TARGET, MOONSHOT = 4, 3
FLUSH_S = 11.0  # PostgreSQL's idle connections report what they counted after ten seconds
COUNTED = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
NEXT_ID = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
STATEMENT_MARKS = ("LOG:  statement:", "LOG:  execute ")


@dataclass(frozen=True, slots=True)
class Count:
    """Counters of the database at one moment."""

    committed: int
    given_ids: int
    at: float

    @classmethod
    async def now(cls, connection: psycopg.AsyncConnection) -> "Count":
        """Wait until every connection has reported, then read."""
        await asyncio.sleep(FLUSH_S)
        return cls(await _number(connection, COUNTED), await _number(connection, NEXT_ID), time.perf_counter())


async def _number(connection: psycopg.AsyncConnection, query: str) -> int:
    row = await (await connection.execute(query)).fetchone()
    return int(row[0]) if row else 0


async def one_after_the_other(client: Client, agent: str, runs: int) -> None:
    """Submit and wait for the end by looking at the database, not through the API, whose looks would count."""
    for _ in range(runs):
        await client.submit(agent)


async def until_finished(connection: psycopg.AsyncConnection, goal: int) -> int:
    """Wait for so many finished runs; how often this looked."""
    looks = 0
    async with asyncio.timeout(120):
        while True:
            looks += 1
            if await _number(connection, "SELECT count(*) FROM runs WHERE finished_at IS NOT NULL") >= goal:
                return looks
            await asyncio.sleep(0.1)


async def count_transactions(stack: Stack, client: Client, agent: str, *, runs: int) -> dict[str, float]:
    async with await psycopg.AsyncConnection.connect(stack.database_url, autocommit=True) as connection:
        done = await _number(connection, "SELECT count(*) FROM runs WHERE finished_at IS NOT NULL")
        before = await Count.now(connection)
        await one_after_the_other(client, agent, runs)
        looks = await until_finished(connection, done + runs)
        middle = await Count.now(connection)
        await asyncio.sleep(max(0.0, middle.at - before.at - FLUSH_S))
        after = await Count.now(connection)
    share = (middle.at - before.at) / (after.at - middle.at)
    idle = (after.committed - middle.committed) * share
    idle_ids = (after.given_ids - middle.given_ids) * share
    return {
        "transactions": round((middle.committed - before.committed - looks - idle) / runs, 2),
        "writing ones": round((middle.given_ids - before.given_ids - idle_ids) / runs, 2),
        "idle per s": round((after.committed - middle.committed) / (after.at - middle.at), 2),
    }


async def count_statements(stack: Stack, client: Client, agent: str, *, runs: int) -> dict[str, float]:
    async with await psycopg.AsyncConnection.connect(stack.database_url, autocommit=True) as connection:
        done = await _number(connection, "SELECT count(*) FROM runs WHERE finished_at IS NOT NULL")
        await _log_statements(stack, "all")
        await asyncio.sleep(1)
        began, before = time.perf_counter(), _logged(stack)
        await one_after_the_other(client, agent, runs)
        looks = await until_finished(connection, done + runs)
        middle, spent = _logged(stack), time.perf_counter() - began
        await asyncio.sleep(spent)
        after = _logged(stack)
        await _log_statements(stack, "none")
    return {"messages": round((middle - before - looks - (after - middle)) / runs, 2)}


async def _log_statements(stack: Stack, which: str) -> None:
    await stack.postgres.execute(f"ALTER SYSTEM SET log_statement = '{which}'; SELECT pg_reload_conf();")


def _logged(stack: Stack) -> int:
    text = (stack.home.log / "postgres.log").read_text(encoding="utf-8", errors="replace")
    return sum(text.count(mark) for mark in STATEMENT_MARKS)


async def measure(*, runs: int) -> None:
    async with open_stack(workers=1) as stack, open_client(stack) as client:
        agent = await client.agent()
        session = await client.session(agent)
        for _ in range(20):  # statements are prepared after a few executions
            await client.ended(await client.submit(agent))
        rows = {"a session of its own": await count_transactions(stack, client, agent, runs=runs)}
        rows["a session of its own"] |= await count_statements(stack, client, agent, runs=min(runs, 50))
        await client.ended(await client.submit(agent, session))
    table(f"i: per run, {runs} runs", rows)
    write("commits", {"row": "i", "target": TARGET, "moonshot": MOONSHOT, "runs": runs, "rows": rows})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100)
    uvloop.run(measure(runs=parser.parse_args().runs))


if __name__ == "__main__":
    main()
