"""BENCH row b: durable runs of one step per second, from the submission over HTTP to the committed answer.

Two worker processes, a model without latency, no memory. Runs are submitted as fast as 32 clients get their 202, each
with a session of its own. Floors on the same disk and broker, interleaved: grouped commits of 8 clients, and Celery
alone with as many processes. `cpu_ms` is the CPU time that one run costs, by process: on a machine that others use too
it is the steadier figure, and 1000 x cores / cpu_ms is what the machine could do if it were ours.
"""

import argparse
import asyncio
import os
import resource
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack

import psutil
import psycopg
import uvloop

from bench.celery_alone import open_celery
from bench.client import Client, open_client
from bench.floors import CommitFloor
from bench.peer import Peer
from bench.procrastinate_alone import open_procrastinate
from bench.report import Figures, median_of, median_ratio, table, write
from bench.stack import Stack, open_stack

TARGET_PER_S, MOONSHOT_PER_S = 600, 1_500
WORKERS = 2
CLIENTS = 32
HORTUS, COMMITS = "Hortus: runs/s", "floor: grouped commits/s"
CELERY, PROCRASTINATE = "Celery alone: tasks/s", "procrastinate alone: jobs/s"
FINISHED = "SELECT count(*), count(*) FILTER (WHERE status <> 'succeeded') FROM runs WHERE finished_at IS NOT NULL"
PATIENCE_S = 180


async def finished(connection: psycopg.AsyncConnection) -> int:
    """Runs that succeeded. Raises RuntimeError when one ended otherwise: a fast failure is no throughput."""
    row = await (await connection.execute(FINISHED)).fetchone()
    ended, otherwise = row or (0, 0)
    if otherwise:
        raise RuntimeError(f"{otherwise} of {ended} runs did not succeed")
    return int(ended)


async def run_many(stack: Stack, client: Client, agent: str, *, runs: int) -> float:
    """Submit `runs` runs and wait for the last; runs per second."""
    async with await psycopg.AsyncConnection.connect(stack.database_url, autocommit=True) as connection:
        goal = await finished(connection) + runs
        left = iter(range(runs))

        async def submit() -> None:
            for _ in left:
                await client.submit(agent)

        began = time.perf_counter()
        async with asyncio.timeout(PATIENCE_S):
            async with asyncio.TaskGroup() as group:
                for _ in range(CLIENTS):
                    group.create_task(submit())
            while await finished(connection) < goal:
                await asyncio.sleep(0.01)
        return runs / (time.perf_counter() - began)


def cpu_ms(stack: Stack) -> dict[str, float]:
    """CPU time used so far: by component, children included, and by this client."""
    used = {name: _cpu_of(process) for name, process in stack.processes().items()}
    own = resource.getrusage(resource.RUSAGE_SELF)
    return {**used, "client": (own.ru_utime + own.ru_stime) * 1000, "model": _model_cpu(stack)}


def _cpu_of(process: psutil.Process) -> float:
    total = 0.0
    family = [process] if process.name().startswith("python") else [process, *process.children(recursive=True)]
    for one in family:
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        # A server's children that ended are in the parent's account.
        total += times.user + times.system + (times.children_user + times.children_system if one == process else 0)
    return total * 1000


def _model_cpu(stack: Stack) -> float:
    port = int(stack.model_url.split(":")[2].split("/")[0])
    for process in psutil.Process(os.getpid()).children(recursive=True):
        if str(port) in process.cmdline():
            return _cpu_of(process)
    return 0.0


async def repetition(
    stack: Stack, client: Client, agent: str, *, peers: Mapping[str, Peer], runs: int
) -> tuple[Figures, Figures]:
    """Everything once, side by side: rates, and the CPU time of a run by process."""
    commits = await CommitFloor(stack.database_url).rate()
    before = cpu_ms(stack)
    hortus = await run_many(stack, client, agent, runs=runs)
    after = cpu_ms(stack)
    costs = {name: round((after[name] - before[name]) / runs, 3) for name in after}
    rates = {HORTUS: round(hortus, 1), COMMITS: commits}
    rates |= {name: await peer.rate(runs) for name, peer in peers.items()}
    return rates, {**costs, "all": round(sum(costs.values()), 3)}


async def measure(*, repetitions: int, runs: int) -> None:
    async with AsyncExitStack() as exits:
        stack = await exits.enter_async_context(open_stack(workers=WORKERS))
        client = await exits.enter_async_context(open_client(stack))
        peers = {
            CELERY: await exits.enter_async_context(open_celery(stack, processes=WORKERS)),
            PROCRASTINATE: await exits.enter_async_context(open_procrastinate(stack, processes=WORKERS)),
        }
        agent = await client.agent()
        await run_many(stack, client, agent, runs=100)  # first calls load what later ones find loaded
        found = [await repetition(stack, client, agent, peers=peers, runs=runs) for _ in range(repetitions)]
    report([rates for rates, _ in found], [costs for _, costs in found], runs=runs)


def report(rates: list[Figures], costs: list[Figures], *, runs: int) -> None:
    middle, cost = median_of(rates), median_of(costs)
    rows = {
        name: {
            "median": middle[name],
            "min": min(one[name] for one in rates),
            "max": max(one[name] for one in rates),
            "hortus_x": median_ratio([one[HORTUS] for one in rates], [one[name] for one in rates]),
        }
        for name in middle
    }
    table(f"b: {len(rates)} repetitions of {runs}", rows)
    table("CPU ms per run", {name: {"cpu_ms": value} for name, value in sorted(cost.items(), key=lambda i: -i[1])})
    cores = os.cpu_count() or 1
    possible = round(1000 * cores / cost["all"], 1)
    print(f"{possible} runs/s if {cores} cores did nothing else")
    write(
        "throughput",
        {
            "row": "b",
            "target_per_s": TARGET_PER_S,
            "moonshot_per_s": MOONSHOT_PER_S,
            "durability": "PostgreSQL, fsync and synchronous_commit on",
            "model": "scripted, no latency",
            "workers": WORKERS,
            "rows": rows,
            "cpu_ms_per_run": cost,
            "possible_per_s": possible,
            "repetitions": [{**one, "cpu_ms": cpu} for one, cpu in zip(rates, costs, strict=True)],
        },
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--runs", type=int, default=600, help="in one repetition")
    options = parser.parse_args()
    uvloop.run(measure(repetitions=options.repetitions, runs=options.runs))


if __name__ == "__main__":
    main()
