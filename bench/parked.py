"""Runs that wait for a time: what they cost the processes, and the queries that beat and workers ask again and again.

Each run gets one model call and parks itself with the tool `sleep`. Then the same things are measured as before any of
them: memory and CPU time of the idle processes, the looks, and how long a run of one step takes beside them.
"""

import argparse
import asyncio
import time
from collections.abc import Mapping
from datetime import timedelta
from statistics import median
from typing import Any

import psycopg
import uvloop

from bench.client import Client, open_client
from bench.report import Figures, table, write
from bench.stack import Stack, open_stack
from bench.waiting import submit_many
from hortus_server.adapters.postgres.statements import load_statements

SCRIPT = {
    "rules": [
        {
            "when": {"user": "^hello$", "turn": 0},
            "reply": {"json": {"tool": "sleep", "arguments": {"seconds": 86_400}}},
        }
    ],
    "default": {"json": {"answer": "Done."}},
}
LOOKS: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("approvals.sql", "due_timers"): {"rows": 500},
    ("approvals.sql", "overdue_approvals"): {"rows": 500},
    ("wakeups.sql", "due_runs"): {"older_than": timedelta(seconds=25), "rows": 256},
}
REPEATED = 30
IDLE_S = 10.0
SETTLE_S = 30.0  # until doubled wake-ups of the submissions are worked off
PATIENCE_S = 900


async def idle(stack: Stack) -> Figures:
    """CPU time in a while without work, and memory, by kind of process; PostgreSQL with its backends."""
    processes = stack.processes()
    families = {
        name: [process, *process.children(recursive=True)]
        for name, process in processes.items()
        if name.startswith(("worker", "beat", "api", "postgres"))
    }

    def burnt(name: str) -> float:
        return sum(sum(one.cpu_times()[:2]) for one in families[name] if one.is_running())

    before = {name: burnt(name) for name in families}
    await asyncio.sleep(IDLE_S)
    figures: Figures = {}
    for name, family in families.items():
        figures[f"{name} CPU %"] = round(100 * (burnt(name) - before[name]) / IDLE_S, 1)
        figures[f"{name} MiB"] = round(sum(one.memory_full_info().pss for one in family if one.is_running()) / 2**20, 1)
    return figures


async def looks(stack: Stack) -> Figures:
    """Milliseconds of each look, median, with the round trip."""
    figures: Figures = {}
    async with await psycopg.AsyncConnection.connect(stack.database_url, autocommit=True) as connection:
        for (file, name), parameters in LOOKS.items():
            statement = load_statements(file)[name].sql
            took = []
            for _ in range(REPEATED):
                began = time.perf_counter()
                await connection.execute(statement, parameters)
                took.append((time.perf_counter() - began) * 1000)
            figures[f"{name} ms"] = round(median(took), 2)
    return figures


async def one_step(client: Client, agent: str) -> Figures:
    """Milliseconds from submitting to the answer, one after the other, median."""
    took = []
    for _ in range(REPEATED):
        began = time.perf_counter()
        run = await client.post("/v1/runs", {"agent": agent, "input": "quick"})
        await client.ended(run["id"])
        took.append((time.perf_counter() - began) * 1000)
    return {"one-step run ms": round(median(took), 1)}


async def parked(stack: Stack) -> int:
    async with await psycopg.AsyncConnection.connect(stack.database_url, autocommit=True) as connection:
        row = await (await connection.execute("SELECT count(*) FROM timers")).fetchone()
    return int(row[0]) if row else 0


async def measure(*, runs: int) -> None:
    settings = {"HORTUS_MODEL_METRICS": "false", "HORTUS_API_QUEUE_DEPTH": str(runs + 1_000)}
    async with open_stack(workers=1, settings=settings, model=SCRIPT) as stack, open_client(stack) as client:
        agent = await client.agent(tools=["sleep"])
        rows: dict[str, Figures] = {}
        rows["none"] = {**await one_step(client, agent), **await looks(stack), **await idle(stack)}
        began = time.perf_counter()
        await submit_many(client, agent, runs)
        async with asyncio.timeout(PATIENCE_S):
            while await parked(stack) < runs:
                await asyncio.sleep(0.5)
        await asyncio.sleep(SETTLE_S)
        took_s = round(time.perf_counter() - began - SETTLE_S, 1)
        rows[str(runs)] = {**await one_step(client, agent), **await looks(stack), **await idle(stack)}
    columns = {name: {of: figures[name] for of, figures in rows.items()} for name in rows["none"]}
    table(f"runs that wait ({took_s} s until {runs} waited)", columns)
    write("parked", {"runs": runs, "s until all wait": took_s, "figures": rows})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2_000)
    uvloop.run(measure(runs=parser.parse_args().runs))


if __name__ == "__main__":
    main()
