"""Pause, freeze and their ends, on real worker processes: rows alone stop runs, and let them go on."""

import asyncio
import time
from contextlib import suppress
from typing import Any, Literal

import psutil
import pytest
from cluster import SPEC, Cluster, assert_gap_free, quickest, until
from worker_scripts import ANSWER, CALL, WITH_TOOL, held

from hortus_agents.events import Event, MessageCompleted, RunResumed, RunStarted, RunWaiting
from hortus_server.domain.errors import ConflictError
from hortus_server.domain.records import Run
from hortus_server.domain.stops import Reach
from hortus_server.services.cancel_run import CancelRun
from hortus_server.services.pause_run import PauseRun, ResumeRun
from hortus_server.services.stop_runs import StopRuns
from hortus_server.services.wake_waiting import WakeWaiting

pytestmark = pytest.mark.asyncio(loop_scope="module")
WORDS = " ".join(f"word{number}" for number in range(60))
SLOWLY = {"reply": {"json": {"answer": WORDS}, "tokens_per_s": 4}}
QUICKLY = {"reply": {"json": {"answer": WORDS}}}


class Broken:
    """A broker that is away: nobody is told of anything, live or by wake-up."""

    async def publish_events(self, *_: Any) -> None:
        pass

    async def wake_run(self, *_: Any) -> None:
        pass


class Stops:
    """The use cases as an API process has them whose broker is down; workers learn of them from rows alone."""

    def __init__(self, cluster: Cluster) -> None:
        broken: Any = Broken()
        self.cluster = cluster
        self.pause = PauseRun(cluster.store, broken)
        self.resume_run = ResumeRun(cluster.store, WakeWaiting(broken, broken))
        self.cancel = CancelRun(cluster.store, broken, broken)
        self.stop_runs = StopRuns(cluster.store, self.cancel, WakeWaiting(broken, broken))

    async def resume(self, run: Run) -> Run:
        return await self.resume_run(self.cluster.tenant_id, run.id, reason="go on", by="test")


@pytest.fixture
def stops(running: Cluster) -> Stops:
    return Stops(running)


async def status(cluster: Cluster, run: Run, wanted: str) -> Run:
    async def reached() -> bool:
        return (await cluster.run(run)).status == wanted

    await until(reached, why=cluster.logs)
    return await cluster.run(run)


async def writing(cluster: Cluster) -> Run:
    """A run of which the model has written the beginning, and goes on for half a minute."""
    cluster.script(SLOWLY)
    run = await cluster.submit()
    await until(lambda: any(call.tokens_sent > 6 for call in cluster.calls_of(run)), why=cluster.logs)
    return run


async def of(cluster: Cluster, run: Run) -> list[Event]:
    return [event for event in await cluster.events(run.session_id) if event.run_id == run.id]


async def test_a_pause_aborts_the_model_call_keeps_the_text_and_holds_no_slot(running: Cluster, stops: Stops) -> None:
    runs: list[Run] = []

    async def pause() -> float:
        run = await writing(running)
        runs.append(run)
        began = time.monotonic()
        await stops.pause(running.tenant_id, run.id, reason="look at it")
        await until(lambda: running.calls_of(run)[0].cancelled, why=running.logs)
        return time.monotonic() - began

    await quickest(pause, under_s=2)  # seen at the next heartbeat
    run = runs[-1]
    waiting = await status(running, run, "waiting")
    assert waiting.waiting_for is not None
    assert (waiting.waiting_for.kind, waiting.waiting_for.detail) == ("paused", "look at it")
    assert waiting.lease_until is None
    kept = next(event.payload for event in await of(running, run) if isinstance(event.payload, RunWaiting))
    assert kept.partial_output
    assert WORDS.startswith(kept.partial_output)
    await running.wake(run, times=3)
    await asyncio.sleep(0.5)
    assert len(running.calls_of(run)) == 1, "a message that comes again does nothing"
    running.script(QUICKLY)
    await stops.resume(run)
    ended = await running.ended(run)
    assert ended.output == WORDS
    events = await of(running, run)
    turns = [type(one.payload) for one in events if isinstance(one.payload, RunWaiting | RunResumed | RunStarted)]
    assert turns == [RunStarted, RunWaiting, RunResumed, RunStarted]
    assert "message.restarted" not in [event.type for event in events], "the text went on where it stopped"
    assert_gap_free(await running.events(run.session_id))


async def test_a_queued_run_that_is_paused_never_starts_until_it_is_resumed(running: Cluster, stops: Stops) -> None:
    running.script(ANSWER)
    run = await running.submit(wake=0)
    paused = await stops.pause(running.tenant_id, run.id, reason="not yet")
    assert paused.status == "waiting"
    await running.wake(run)
    await asyncio.sleep(0.5)
    assert running.calls_of(run) == []
    assert (await stops.resume(run)).status == "queued"
    assert (await running.ended(run)).status == "succeeded"


async def test_a_paused_run_can_be_cancelled_and_keeps_what_it_had_written(running: Cluster, stops: Stops) -> None:
    run = await writing(running)
    await stops.pause(running.tenant_id, run.id, reason="hm")
    await status(running, run, "waiting")
    ended = await stops.cancel(running.tenant_id, run.id, reason="enough")
    assert ended.status == "cancelled"
    assert ended.output
    assert WORDS.startswith(ended.output)
    with pytest.raises(ConflictError):
        await stops.resume(run)


async def test_a_frozen_run_stops_before_its_tool_and_goes_on_only_when_told(running: Cluster, stops: Stops) -> None:
    scratch = SPEC.model_copy(
        update={"tools": ("remember",), "memory": SPEC.memory.model_copy(update={"remember": True})}
    )
    await running.use(scratch)
    note = {"tool": "remember", "arguments": {"text": "a note"}}
    running.script({"when": {"turn": 0}, "reply": {"json": note, "hold": "thinking"}}, ANSWER)
    run = await running.submit()
    await running.model.until_held("thinking")
    everything = Reach.of_all()
    order = await stops.stop_runs.place(running.tenant_id, everything, "freeze", reason="stop!", placed_by="test")
    try:
        fresh = await running.submit("not begun")
        running.model.release("thinking")
        waiting = await status(running, run, "waiting")
        assert waiting.waiting_for is not None
        assert (waiting.waiting_for.kind, waiting.waiting_for.ref_id) == ("frozen", order.id)
        types = [event.type for event in await of(running, run)]
        assert types[-1] == "run.waiting"
        assert "model.called" in types, "the finished call is kept"
        assert "tool.called" not in types
        with pytest.raises(ConflictError):
            await stops.resume(run)
        assert (await running.run(fresh)).status == "queued"
    finally:
        await stops.stop_runs.lift(running.tenant_id, everything, "freeze", lifted_by="test")
    assert (await running.ended(fresh)).status == "succeeded", "what had not begun starts by itself"
    assert (await running.run(run)).status == "waiting", "what had begun waits to be told"
    await stops.resume(run)
    assert (await running.ended(run)).status == "succeeded"
    assert len([call for call in running.calls_of(run) if call.finished]) == 2, "no finished call was repeated"


async def test_a_frozen_run_may_still_think_and_read(running: Cluster, stops: Stops) -> None:
    await running.use(WITH_TOOL)
    running.script({**CALL, "reply": {**CALL["reply"], "hold": "first"}}, ANSWER)
    run = await running.submit()
    await running.model.until_held("first")
    await stops.stop_runs.place(running.tenant_id, Reach.of_all(), "freeze", reason="stop!", placed_by="test")
    try:
        running.model.release("first")
        assert (await running.ended(run)).status == "succeeded", "reading and computing has no effect outside"
    finally:
        await stops.stop_runs.lift(running.tenant_id, Reach.of_all(), "freeze", lifted_by="test")


async def test_an_agent_s_pause_stops_its_runs_and_keeps_new_ones_queued(running: Cluster, stops: Stops) -> None:
    await running.use(SPEC)
    running.script(held("busy"), ANSWER)
    run = await running.submit()
    await running.model.until_held("busy")
    agent = Reach.of_agent(running.version.agent_id)
    await stops.stop_runs.place(running.tenant_id, agent, "pause", reason="wrong goal", placed_by="test")
    waiting = await status(running, run, "waiting")
    assert waiting.waiting_for is not None
    assert waiting.waiting_for.kind == "paused"
    fresh = await running.submit()
    await asyncio.sleep(0.5)
    assert (await running.run(fresh)).status == "queued"
    running.script(ANSWER)
    await stops.stop_runs.lift(running.tenant_id, agent, "pause", lifted_by="test")
    assert (await running.ended(run)).status == "succeeded"
    assert (await running.ended(fresh)).status == "succeeded"


async def test_all_runs_of_an_agent_are_cancelled_whatever_they_do(running: Cluster, stops: Stops) -> None:
    running.script(held("busy"), ANSWER)
    busy, parked, queued = [await running.submit(wake=0) for _ in range(3)]
    await running.wake(busy)
    await running.model.until_held("busy")
    await stops.pause(running.tenant_id, parked.id, reason="hm")
    agent_id = running.version.agent_id
    assert await stops.stop_runs.cancel_all(running.tenant_id, agent_id=agent_id, reason="unsafe") == 3
    for run in (parked, queued):
        assert (await running.run(run)).status == "cancelled", "what no worker holds ends at once"
    assert (await running.ended(busy)).status == "cancelled"
    assert [e for e in await of(running, busy) if isinstance(e.payload, MessageCompleted)] == []


def burning(cluster: Cluster) -> set[int]:
    """Descendants of the workers that compute: a script in the sandbox."""
    found = set()
    for process in cluster.processes:
        for child in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                before = child.cpu_times().user
                time.sleep(0.02)
                if child.cpu_times().user > before >= 0.1:
                    found.add(child.pid)
    return found


@pytest.mark.parametrize("how", ["pause", "freeze"])
async def test_a_stop_kills_the_sandbox_under_way(
    running: Cluster, stops: Stops, how: Literal["pause", "freeze"]
) -> None:
    await running.use(SPEC.model_copy(update={"tools": ("python",)}))
    script = {"tool": "python", "arguments": {"code": "while True:\n    pass"}}
    running.script({"when": {"turn": 0}, "reply": {"json": script}}, ANSWER)
    run = await running.submit()
    await running.seen(run, "tool.called")
    scripts: set[int] = set()

    def computes() -> bool:
        scripts.update(burning(running))
        return bool(scripts)

    await until(computes, why=running.logs)
    everything = Reach.of_all()
    if how == "freeze":
        await stops.stop_runs.place(running.tenant_id, everything, "freeze", reason="stop!", placed_by="test")
    else:
        await stops.pause(running.tenant_id, run.id, reason="stop!")
    try:
        waiting = await status(running, run, "waiting")
        assert waiting.waiting_for is not None
        assert waiting.waiting_for.kind == {"pause": "paused", "freeze": "frozen"}[how]
        await until(lambda: not any(psutil.pid_exists(pid) for pid in scripts), why=running.logs)
    finally:
        if how == "freeze":
            await stops.stop_runs.lift(running.tenant_id, everything, "freeze", lifted_by="test")
    await stops.cancel(running.tenant_id, run.id, reason="measured")
