"""BENCH row a: from the submission over HTTP until the run's events are on an open stream, all durable.

Open-loop arrivals at half of the capacity that was found just before. `first event` is the first one of the run on
the stream (the accepted message, which is committed); `worker started` the one that says that a worker has claimed
the run, also committed; `answered` the run's end. Celery alone is asked at the same rate. All of it interleaved.
"""

import argparse
import asyncio
import contextlib
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack

import uvloop

from bench.celery_alone import open_celery
from bench.client import TERMINAL, Client, following, open_client, open_loop
from bench.floors import CommitFloor, PostFloor, open_post_floor
from bench.peer import Peer
from bench.procrastinate_alone import open_procrastinate
from bench.report import Figures, median_of, median_ratio, percentiles, table, write
from bench.stack import open_stack

TARGET = {"p50_ms": 10, "p99_ms": 40}
MOONSHOT = {"p50_ms": 6, "p99_ms": 20}
SESSIONS = 64
WORKERS = 2
FIRST, STARTED, ANSWERED = "first event", "worker started", "answered"
COMMIT, POST, ACCEPTED = "floor: one commit", "floor: bare POST", "202 accepted"
CELERY, PROCRASTINATE = "Celery alone: task started", "procrastinate alone: job started"


class Submitter:
    """Submits runs to sessions with open streams, in turn."""

    def __init__(self, client: Client, agent: str, sessions: list[str]) -> None:
        self.client = client
        self.agent = agent
        self.sessions = sessions
        self.turn = 0
        self.due: dict[str, float] = {}
        self.accepted_ms: list[float] = []

    async def submit(self, _number: int, due_at: float) -> str:
        self.turn += 1
        run_id = await self.client.submit(self.agent, self.sessions[self.turn % len(self.sessions)])
        self.accepted_ms.append((time.perf_counter() - due_at) * 1000)
        self.due[run_id] = due_at
        return run_id

    async def capacity(self, *, clients: int, seconds: float) -> float:
        """Runs per second of clients that submit again as soon as their run has ended."""
        until = time.perf_counter() + seconds
        done = 0

        async def again() -> None:
            nonlocal done
            while time.perf_counter() < until:
                run_id = await self.submit(0, time.perf_counter())
                await self._over({run_id}, within_s=30)
                done += 1

        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(clients):
                group.create_task(again())
        return done / (time.perf_counter() - began)

    async def latency(self, *, rate: float, seconds: float, seed: int) -> dict[str, Figures]:
        """Percentiles of what the streams saw, open-loop."""
        self.due.clear()
        self.accepted_ms.clear()
        self.client.arrivals.clear()

        async def one(number: int, due_at: float) -> None:
            await self.submit(number, due_at)

        await open_loop(one, rate=rate, seconds=seconds, seed=seed)
        await self._over(set(self.due), within_s=30)
        seen = [(self.client.arrivals[run_id], due_at) for run_id, due_at in self.due.items()]
        return {
            ACCEPTED: percentiles(self.accepted_ms),
            FIRST: percentiles([(min(types.values()) - at) * 1000 for types, at in seen]),
            STARTED: percentiles([(types["run.started"] - at) * 1000 for types, at in seen]),
            ANSWERED: percentiles([(types["run.succeeded"] - at) * 1000 for types, at in seen]),
        }

    async def _over(self, runs: set[str], *, within_s: float) -> None:
        async with asyncio.timeout(within_s):
            while any(not TERMINAL & self.client.arrivals[run_id].keys() for run_id in runs):
                self.client.news.clear()
                await self.client.news.wait()


async def repetition(
    submitter: Submitter,
    commit: CommitFloor,
    post: PostFloor,
    *,
    peers: Mapping[str, Peer],
    rate: float,
    seconds: float,
    seed: int,
) -> dict[str, Figures]:
    """Everything once, side by side."""
    found = {COMMIT: await commit.latency(50), POST: await post.latency(50)}
    found |= await submitter.latency(rate=rate, seconds=seconds, seed=seed)
    for name, peer in peers.items():
        found[name] = await peer.latency(rate=rate, seconds=seconds, seed=seed)
    return found


async def measure(*, repetitions: int, seconds: float, share: float) -> None:
    async with AsyncExitStack() as exits:
        stack = await exits.enter_async_context(open_stack(workers=WORKERS))
        client = await exits.enter_async_context(open_client(stack))
        post = await exits.enter_async_context(open_post_floor())
        peers = {
            CELERY: await exits.enter_async_context(open_celery(stack, processes=WORKERS)),
            PROCRASTINATE: await exits.enter_async_context(open_procrastinate(stack, processes=WORKERS)),
        }
        agent = await client.agent()
        sessions = await exits.enter_async_context(following(client, agent, sessions=SESSIONS))
        submitter = Submitter(client, agent, sessions)
        await submitter.capacity(clients=8, seconds=2)  # first calls load what later ones find loaded
        capacity = await submitter.capacity(clients=16, seconds=5)
        rate = capacity * share
        print(f"capacity {capacity:.0f} runs/s with 16 clients; arrivals at {rate:.1f}/s")
        floor = CommitFloor(stack.database_url)
        found = [
            await repetition(submitter, floor, post, peers=peers, rate=rate, seconds=seconds, seed=seed)
            for seed in range(1, repetitions + 1)
        ]
    report(found, capacity=capacity, rate=rate)


def report(found: list[dict[str, Figures]], *, capacity: float, rate: float) -> None:
    rows = {name: median_of([one[name] for one in found]) for name in found[0]}
    floors = [one[COMMIT]["p50_ms"] for one in found]
    for name in (ACCEPTED, FIRST, STARTED, ANSWERED, CELERY, PROCRASTINATE):
        rows[name]["x_commit"] = median_ratio([one[name]["p50_ms"] for one in found], floors)
        rows[name]["x_celery"] = median_ratio(
            [one[name]["p50_ms"] for one in found], [one[CELERY]["p50_ms"] for one in found]
        )
    table(f"a: medians of {len(found)} repetitions", rows)
    write(
        "submit",
        {
            "row": "a",
            "target": TARGET,
            "moonshot": MOONSHOT,
            "durability": "PostgreSQL, fsync and synchronous_commit on",
            "model": "scripted, no latency",
            "capacity_per_s": round(capacity, 1),
            "arrivals_per_s": round(rate, 1),
            "rows": rows,
            "repetitions": found,
        },
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0, help="of arrivals in one repetition")
    parser.add_argument("--share", type=float, default=0.5, help="of the capacity")
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(measure(repetitions=options.repetitions, seconds=options.seconds, share=options.share))


if __name__ == "__main__":
    main()
