"""BENCH row f: what a model call costs more in a worker than a direct call of the same endpoint.

`direct` is an aiohttp POST of the request that the worker sends, read to the end of its stream, over a connection of
its own as the worker uses it. `loop alone` is the same step in this process through the step engine, without a
database. `worker step` runs from the commit of the claim to the commit of the answer, both as told on the live channel
of the broker, so it holds the fold, the prompt, the call, the parsing and one durable commit; `worker's call` is the
part of it that the worker itself measured around its HTTP request. No commit lies on the way of a token. One run at a
time, then eight.
"""

import argparse
import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from datetime import UTC, datetime
from uuid import uuid4

import aiohttp
import orjson
import uvloop
from redis.asyncio import Redis

from bench.client import TERMINAL, Client, open_client
from bench.report import Figures, median_of, percentiles, table, write
from bench.stack import PLAIN, Stack, open_stack
from hortus_agents.events import Event, MessageCreated, ModelCalled, RunQueued, RunStarted
from hortus_agents.evolution.toolbox import ToolPorts, build_registry
from hortus_agents.limits import RunLimits
from hortus_agents.loop.engine import RunSetup, StepEngine
from hortus_agents.loop.state import fold_session
from hortus_agents.loop.step import RunScope
from hortus_agents.models.endpoint import ModelEndpoint
from hortus_agents.models.openai_http import OpenAIChatModel, open_model_session
from hortus_agents.spec import AgentSpec

TARGET = {"p50_ms": 3, "p99_ms": 15}
MOONSHOT = {"p50_ms": 1, "p99_ms": 5}
DIRECT, LOOP, STEP, CALL = "direct call", "loop alone", "worker step", "worker's call"
CONCURRENCIES = (1, 8)
WAIT_S = 60


async def last_request(model_url: str) -> tuple[bytes, dict[str, str]]:
    """What a worker sent last, as a body and headers."""
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{model_url.removesuffix('/v1')}/_scripted/requests") as answer,
    ):
        record = (await answer.json())["requests"][-1]
    headers = {"Content-Type": "application/json", "Accept": "text/event-stream", "Accept-Encoding": "identity"}
    return orjson.dumps(record["body"]), headers


async def many(one: Callable[[], Awaitable[float]], *, count: int, at_once: int) -> list[float]:
    """Call `one` so often, so many at a time."""
    left = iter(range(count))
    took: list[float] = []

    async def again() -> None:
        for _ in left:
            took.append(await one())

    async with asyncio.timeout(WAIT_S * 2), asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(again())
    return took


class Loop:
    """The step engine in this process over the same endpoint."""

    def __init__(self, model: OpenAIChatModel) -> None:
        self._engine = StepEngine()
        self._model = model
        self._spec = AgentSpec.model_validate(PLAIN)

    async def step(self) -> float:
        """Fold the events of a claimed run and do its only step; ms."""
        began = time.perf_counter()
        scope = RunScope(tenant_id=uuid4(), session_id=uuid4(), run_id=uuid4(), agent_id=uuid4())
        registry = build_registry(self._model, ToolPorts(memory=None, store=None, sandbox=None))
        setup = RunSetup(scope=scope, spec=self._spec, limits=RunLimits(), model=self._model, registry=registry)
        state = fold_session(_claimed(scope), scope.run_id)
        async with aclosing(self._engine.step(state, setup, _discard)) as emissions:
            async for _ in emissions:
                pass
        return (time.perf_counter() - began) * 1000


async def _discard(_events: object) -> None:
    return


def _claimed(scope: RunScope) -> list[Event]:
    queued = RunQueued(agent_id=scope.agent_id, agent_version_id=uuid4(), agent_version=1, limits=RunLimits())
    payloads = (
        MessageCreated(message_id=uuid4(), content="hello"),
        queued,
        RunStarted(worker_id="bench", generation=1),
    )
    return [
        Event(
            session_id=scope.session_id,
            seq=seq,
            run_id=scope.run_id,
            step=0,
            type=payload.type,
            at=datetime.now(UTC),
            payload=payload,
        )
        for seq, payload in enumerate(payloads, 1)
    ]


class Worker:
    """Runs through a real worker, watched on the live channel."""

    def __init__(self, client: Client, agent: str, redis: Redis) -> None:
        self._client = client
        self._agent = agent
        self._redis = redis
        self._seen: dict[str, dict[str, float]] = defaultdict(dict)
        self._news = asyncio.Condition()
        self.calls_ms: list[float] = []

    async def listen(self, ready: asyncio.Event) -> None:
        """Note when events are told of, until cancelled."""
        async with self._redis.pubsub() as pubsub:
            await pubsub.psubscribe("hortus:tenant:*:live:*")
            ready.set()
            async for message in pubsub.listen():
                now = time.perf_counter()
                if message["type"] == "pmessage" and message["data"][:1] == b"e":
                    await self._note(orjson.loads(message["data"][1:]), now)

    async def _note(self, events: list[dict[str, object]], now: float) -> None:
        for event in events:
            if event["run_id"]:
                self._seen[str(event["run_id"])][str(event["type"])] = now
            if event["type"] == "model.called":
                self.calls_ms.append(ModelCalled.model_validate(event["payload"]).duration_ms)
        async with self._news:
            self._news.notify_all()

    async def run(self) -> float:
        """From the claim's commit to the answer's; ms."""
        run_id = await self._client.submit(self._agent)
        async with asyncio.timeout(WAIT_S), self._news:
            await self._news.wait_for(lambda: TERMINAL & self._seen[run_id].keys())
        seen = self._seen.pop(run_id)
        return (seen["run.succeeded"] - seen["run.started"]) * 1000


async def repetition(stack: Stack, worker: Worker, loop: Loop, *, count: int, at_once: int) -> dict[str, Figures]:
    """The direct call, the loop and the worker, one after the other."""
    body, headers = await last_request(stack.model_url)

    async def direct() -> float:
        began = time.perf_counter()
        async with http.post(f"{stack.model_url}/chat/completions", data=body, headers=headers) as response:
            await response.read()
        return (time.perf_counter() - began) * 1000

    async with open_model_session() as http:
        found = {DIRECT: percentiles(await many(direct, count=count, at_once=at_once))}
    found[LOOP] = percentiles(await many(loop.step, count=count, at_once=at_once))
    worker.calls_ms.clear()
    found[STEP] = percentiles(await many(worker.run, count=count, at_once=at_once))
    found[CALL] = percentiles(worker.calls_ms)
    for name in (LOOP, STEP, CALL):
        for figure in ("p50_ms", "p99_ms"):
            found[name][f"+{figure}"] = round(found[name][figure] - found[DIRECT][figure], 2)
    return found


async def measure(*, repetitions: int, count: int) -> None:
    async with AsyncExitStack() as exits:
        stack = await exits.enter_async_context(open_stack(workers=1))
        client = await exits.enter_async_context(open_client(stack))
        session = await exits.enter_async_context(open_model_session())
        model = OpenAIChatModel(
            ModelEndpoint(name="scripted", base_url=stack.model_url, tool_mode="constrained"), session
        )
        redis = await exits.enter_async_context(Redis.from_url(stack.broker_url))
        worker = Worker(client, await client.agent(), redis)
        ready = asyncio.Event()
        listener = asyncio.create_task(worker.listen(ready))
        await ready.wait()
        await many(worker.run, count=40, at_once=4)  # first calls load what later ones find loaded
        found: dict[int, list[dict[str, Figures]]] = {at_once: [] for at_once in CONCURRENCIES}
        for _ in range(repetitions):
            for at_once in CONCURRENCIES:
                found[at_once].append(await repetition(stack, worker, Loop(model), count=count, at_once=at_once))
        listener.cancel()
        await asyncio.wait([listener])
    rows = {
        f"{name}, {at_once} at once": median_of([one[name] for one in ones])
        for at_once, ones in found.items()
        for name in ones[0]
    }
    table(f"f: medians of {repetitions} repetitions", rows)
    write(
        "overhead",
        {
            "row": "f",
            "target_added": TARGET,
            "moonshot_added": MOONSHOT,
            "durability": "PostgreSQL, fsync and synchronous_commit on; `loop alone` writes nothing",
            "model": "scripted, no latency",
            "rows": rows,
            "repetitions": {str(at_once): ones for at_once, ones in found.items()},
        },
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--count", type=int, default=100, help="calls of each kind in one repetition")
    options = parser.parse_args()
    uvloop.run(measure(repetitions=options.repetitions, count=options.count))


if __name__ == "__main__":
    main()
