"""BENCH row j: runs that wait for the model in one worker process, and the memory that each holds.

The scripted model holds every answer back until all runs wait for it. Then it lets go, and every run must succeed.
"""

import argparse
import asyncio
import time

import aiohttp
import uvloop

from bench.client import Client, open_client
from bench.report import table, write
from bench.stack import Stack, open_stack

TARGET, MOONSHOT, MOONSHOT_KIB = 1_000, 5_000, 60
HOLD = "bench"
SLOW = {"json": {"answer": "Done."}, "hold": HOLD, "stall_s": 500}
SCRIPT = {"rules": [{"when": {"user": "^hello$"}, "reply": SLOW}], "default": {"json": {"answer": "Done."}}}
CLIENTS = 16
PATIENCE_S = 300


async def at_the_model(stack: Stack) -> int:
    """Requests that wait at the model."""
    async with aiohttp.ClientSession() as http, http.get(f"{_root(stack)}/metrics") as answer:
        for line in (await answer.text()).splitlines():
            if line.startswith("vllm:num_requests_waiting"):
                return int(float(line.rsplit(" ", 1)[1]))
    return 0


def _root(stack: Stack) -> str:
    return stack.model_url.removesuffix("/v1")


async def release(stack: Stack) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{_root(stack)}/_scripted/release", json={"hold": HOLD}) as answer,
    ):
        answer.raise_for_status()


async def submit_many(client: Client, agent: str, runs: int) -> list[str]:
    left = iter(range(runs))
    ids: list[str] = []

    async def submit() -> None:
        for _ in left:
            ids.append(await client.submit(agent))

    async with asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(submit())
    return ids


async def measure(*, runs: int) -> None:
    many = str(runs + 100)
    settings = {"HORTUS_WORKER_CONCURRENCY": many, "HORTUS_MODEL_CONCURRENCY": many, "HORTUS_MODEL_METRICS": "false"}
    async with open_stack(workers=1, settings=settings, model=SCRIPT) as stack, open_client(stack) as client:
        agent = await client.agent()
        warm = [(await client.post("/v1/runs", {"agent": agent, "input": "warm up"}))["id"] for _ in range(50)]
        for run_id in warm:
            await client.ended(run_id)
        worker = stack.processes()["worker-1"]
        before = worker.memory_info().rss
        began = time.perf_counter()
        ids = await submit_many(client, agent, runs)
        async with asyncio.timeout(PATIENCE_S):
            while (waiting := await at_the_model(stack)) < runs:
                await asyncio.sleep(0.2)
        took_s = time.perf_counter() - began
        await asyncio.sleep(2)
        held = worker.memory_info().rss
        cpu = worker.cpu_percent(interval=3)
        await release(stack)
        async with asyncio.timeout(PATIENCE_S):
            states = [await client.ended(run_id) for run_id in ids]
    report(
        {
            "waiting": waiting,
            "RSS before MiB": round(before / 2**20, 1),
            "RSS with MiB": round(held / 2**20, 1),
            "KiB per run": round((held - before) / 1024 / runs, 1),
            "s until all wait": round(took_s, 1),
            "CPU % meanwhile": cpu,
            "succeeded": states.count("succeeded"),
        }
    )


def report(row: dict[str, float]) -> None:
    table("j", {"one worker process": row})
    write("waiting", {"row": "j", "target": TARGET, "moonshot": MOONSHOT, "moonshot_kib": MOONSHOT_KIB, "figures": row})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=500)
    uvloop.run(measure(runs=parser.parse_args().runs))


if __name__ == "__main__":
    main()
