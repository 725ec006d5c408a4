"""BENCH row c: streaming sessions per core, each at 20 tokens/s, with at most 50 ms of added delay at p99.

Every token is the clock reading of its sending, so its delay is known where it arrives. A rung of the ladder is a
number of sessions: first that many streams straight from the model (the floor: the same client, the same model), then
as many runs through worker, Valkey and api to a WebSocket each. Added delay is the difference of the p99s. The last
rung that stays within the bound counts. `per core` divides its sessions by the cores that Hortus's own processes kept
busy meanwhile, the databases included; client and model run on the same machine and are listed apart.
"""

import argparse
import asyncio
import json
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import uvloop

from bench.client import Client, open_client
from bench.report import percentiles, table, write
from bench.stack import Stack, answers, child, up
from bench.ticking_model import TOKENS_PER_S

TARGET, MOONSHOT, BOUND_MS = 400, 1_000, 50
LADDER = (50, 100, 200, 400)
WORKERS = 1
WARM_S, FLOOR_S = 1.5, 2.0
PATIENCE_S = 120
ENDLESS = {"tokens": 10**7, "completion_tokens": 100_000}


@dataclass
class Tokens:
    """Arrivals. Delays are noted while `open`; `streams` counts those that have brought something."""

    open: bool = False
    delays_ms: list[float] = field(default_factory=list)
    streams: set[int] = field(default_factory=set)

    def take(self, stream: int, text: str) -> None:
        """Pieces may hold several tokens: each is late on its own account."""
        self.streams.add(stream)
        if self.open:
            now = time.perf_counter()
            self.delays_ms += [(now - float(token)) * 1000 for token in text.split()]

    async def window(self, streams: int, seconds: float) -> list[float]:
        """Delays of a time in which all streams flow."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.streams) < streams:
                await asyncio.sleep(0.05)
        await asyncio.sleep(WARM_S)
        self.open = True
        await asyncio.sleep(seconds)
        self.open = False
        return self.delays_ms


async def read_direct(http: aiohttp.ClientSession, url: str, number: int, tokens: Tokens) -> None:
    """One stream straight from the model."""
    async with http.post(f"{url}/chat/completions", json={"messages": [], "stream": True}) as response:
        async for line in response.content:
            if line.startswith(b"data: {"):
                for choice in json.loads(line[6:])["choices"]:
                    tokens.take(number, choice["delta"].get("content") or "")


async def read_session(client: Client, agent: str, number: int, tokens: Tokens) -> None:
    """One session: its stream is open before its run begins."""
    session_id = await client.session(agent)
    async with client.http.ws_connect(f"{client.url}/v1/sessions/{session_id}/stream") as socket:
        await client.submit(agent, session_id)
        async for message in socket:
            frame = json.loads(message.data)
            if frame["type"] == "delta":
                tokens.take(number, frame["text"])


async def streamed(reads: list[Any], tokens: Tokens, *, seconds: float) -> list[float]:
    """The delays of these streams; they are closed afterwards."""
    tasks = [asyncio.create_task(one) for one in reads]
    try:
        return await tokens.window(len(tasks), seconds)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def tell_model(client: Client, model_url: str, *, stop: bool) -> None:
    async with client.http.post(f"{model_url.removesuffix('/v1')}/control", json={"stop": stop}) as response:
        response.raise_for_status()


def cpu_s(stack: Stack, model: psutil.Process) -> dict[str, float]:
    """CPU seconds used so far, by process."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    found = {"client": own.ru_utime + own.ru_stime, "model": _used(model)}
    for name, process in stack.processes().items():
        family = [process] if name != "postgres" else [process, *process.children(recursive=True)]
        found[name] = sum(map(_used, family))
    return found


def _used(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


async def rung(
    stack: Stack, client: Client, model: psutil.Process, *, agent: str, sessions: int, seconds: float
) -> dict[str, Any]:
    """One number of sessions."""
    direct = Tokens()
    reads = [read_direct(client.http, stack.model_url, number, direct) for number in range(sessions)]
    floor = percentiles(await streamed(reads, direct, seconds=FLOOR_S))
    tokens = Tokens()
    tasks = [asyncio.create_task(read_session(client, agent, number, tokens)) for number in range(sessions)]
    try:
        window = asyncio.create_task(tokens.window(sessions, seconds))
        while not tokens.open and not window.done():
            await asyncio.sleep(0.02)
        before, began = cpu_s(stack, model), time.perf_counter()
        through = percentiles(await window)
        after, took_s = cpu_s(stack, model), time.perf_counter() - began
        await tell_model(client, stack.model_url, stop=True)
        await asyncio.sleep(WARM_S)  # the runs end
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    await tell_model(client, stack.model_url, stop=False)
    cores = {name: (used - before.get(name, 0.0)) / took_s for name, used in after.items()}
    own = sum(used for name, used in cores.items() if name not in {"client", "model"})
    return {
        "floor p50": floor["p50_ms"],
        "floor p99": floor["p99_ms"],
        "p50_ms": through["p50_ms"],
        "p99_ms": through["p99_ms"],
        "added p99": round(through["p99_ms"] - floor["p99_ms"], 2),
        "tokens/s": round(through["n"] / seconds, 1),
        "cores": round(own, 3),
        "per core": round(sessions / own) if own else 0,
        "cores by process": {name: round(used, 3) for name, used in cores.items()},
    }


@asynccontextmanager
async def open_ticking() -> AsyncIterator[tuple[str, psutil.Process]]:
    """The model in a process of its own: base URL, process."""
    async with child(sys.executable, "-m", "bench.ticking_model") as process:
        if process.stdout is None:
            raise RuntimeError("no output")
        port = int(await asyncio.wait_for(process.stdout.readline(), PATIENCE_S))
        url = f"http://127.0.0.1:{port}/v1"
        await answers(f"{url}/models")
        yield url, psutil.Process(process.pid)


async def measure(*, ladder: tuple[int, ...], seconds: float) -> None:
    settings = {
        "HORTUS_WORKER_CONCURRENCY": str(max(ladder) + 50),
        "HORTUS_MODEL_CONCURRENCY": str(max(ladder) + 50),
        "HORTUS_API_CONNECTIONS": str(max(ladder) * 4),
    }
    found: dict[int, dict[str, Any]] = {}
    async with AsyncExitStack() as exits:
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="hortus-bench-")))
        folder.chmod(0o711)
        url, model = await exits.enter_async_context(open_ticking())
        stack = await exits.enter_async_context(up(folder / "home", url, workers=WORKERS, settings=settings))
        client = await exits.enter_async_context(open_client(stack))
        agent = await client.agent(tool_mode="native", limits=ENDLESS)
        for sessions in ladder:
            found[sessions] = await rung(stack, client, model, agent=agent, sessions=sessions, seconds=seconds)
            if found[sessions]["added p99"] > BOUND_MS:
                break
    report(found, seconds=seconds)


def report(found: dict[int, dict[str, Any]], *, seconds: float) -> None:
    rows = {f"{sessions} sessions": row for sessions, row in found.items()}
    shown = {
        name: {key: value for key, value in row.items() if key != "cores by process"} for name, row in rows.items()
    }
    table(f"c: {TOKENS_PER_S} tokens/s each", shown)
    held = [sessions for sessions, row in found.items() if row["added p99"] <= BOUND_MS]
    best = max(held, default=0)
    per_core = found[best]["per core"] if best else 0
    print(f"most sessions within {BOUND_MS} ms: {best}; per core of Hortus: {per_core} (target {TARGET})")
    document = {"target": TARGET, "moonshot": MOONSHOT, "bound_ms": BOUND_MS, "tokens_per_s": TOKENS_PER_S}
    figures = {"seconds": seconds, "held": best, "per_core": per_core, "rungs": rows}
    write("streaming", {"row": "c", **document, **figures})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, nargs="+", default=LADDER, help="the rungs, ascending")
    parser.add_argument("--seconds", type=float, default=5.0, help="of a rung's window")
    options = parser.parse_args()
    uvloop.run(measure(ladder=tuple(options.sessions), seconds=options.seconds))


if __name__ == "__main__":
    main()
