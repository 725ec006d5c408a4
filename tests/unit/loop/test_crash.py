"""The worker dies after any commit, or inside a tool: the next one goes on at the exact next thing."""

from typing import Any

import pytest
from agent_world import EchoTool, ListModel, World, text_result
from hypothesis import given, settings
from hypothesis import strategies as st

from hortus_agents.errors import ModelUnavailableError
from hortus_agents.events import CapabilityRequested
from hortus_agents.messages import ToolCall
from hortus_agents.tools.registry import ToolRegistry

Plan = list[list[str]]


class Died(BaseException):
    """Not an Exception: no tool boundary may swallow it."""


class PlannedModel(ListModel):
    """Says what the plan says for the step that the prompt shows, however often it is asked."""

    plan: Plan

    async def stream(self, request: Any) -> Any:
        turn = sum(message.role == "assistant" for message in request.messages)
        texts = self.plan[turn] if turn < len(self.plan) else []
        calls = [ToolCall(id=f"m{turn}{n}", name="echo", arguments={"text": text}) for n, text in enumerate(texts)]
        self.replies.append(text_result("" if calls else "done", calls=calls))
        async for part in super().stream(request):
            yield part


def planned(plan: Plan, tool: EchoTool) -> World:
    model = PlannedModel([], tool_mode="native")
    model.plan = plan
    return World(model, ToolRegistry({"calculate": tool}))


def essence(run: World) -> list[Any]:
    """The log without what a crash may add and without measured times."""
    extra = {"tool.in_doubt", "message.restarted", "run.started"}
    return [event.payload.model_dump(exclude={"duration_ms"}) for event in run.log if event.type not in extra]


async def unbroken(plan: Plan) -> World:
    run = planned(plan, EchoTool())
    await run.finish()
    return run


plans = st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=3), max_size=3)


@settings(max_examples=40)
@given(plan=plans, data=st.data())
async def test_a_log_cut_after_any_commit_ends_the_same(plan: Plan, data: st.DataObject) -> None:
    whole = await unbroken(plan)
    sizes = [len(commit) for commit in whole.commits]
    kept = data.draw(st.integers(0, len(sizes)))
    again = planned(plan, EchoTool())
    again.log = whole.log[: 3 + sum(sizes[:kept])]
    done = {payload.call_id for payload in again.payloads("tool.finished")}
    answered = len(again.payloads("model.called"))
    if not again.state().finished:
        again.take_over(generation=2)
    await again.finish()
    assert essence(again) == essence(whole)
    tool = again.registry._builtins["calculate"]
    assert isinstance(tool, EchoTool)
    assert done.isdisjoint(call_id for call_id, _ in tool.calls)
    assert len(again.model.requests) == len(whole.model.requests) - answered


@settings(max_examples=40)
@given(plan=plans, deaths=st.lists(st.integers(1, 6), max_size=6))
async def test_many_deaths_lose_and_double_nothing(plan: Plan, deaths: list[int]) -> None:
    whole = await unbroken(plan)
    tool = EchoTool()
    run = planned(plan, tool)
    for generation, emissions in enumerate(deaths, start=2):
        if run.state().finished:
            break
        await run.step(stop_after=emissions)
        if not run.state().finished:
            run.take_over(generation=generation)
    await run.finish()
    assert essence(run) == essence(whole)
    doubted = {payload.call_id for payload in run.payloads("tool.in_doubt")}
    counts = {call_id: sum(call_id == other for other, _ in tool.calls) for call_id, _ in tool.calls}
    assert all(count == 1 or call_id in doubted for call_id, count in counts.items())


async def test_a_call_in_doubt_that_may_run_again_keeps_its_id_and_is_told_so() -> None:
    deaths, doubts = iter([True, False]), []

    async def die(context: Any) -> None:
        doubts.append(context.in_doubt)
        if next(deaths):
            raise Died

    tool = EchoTool(in_doubt="rerun", before=die)
    run = planned([["a"]], tool)
    with pytest.raises(Died):
        await run.step()
    run.take_over(generation=2)
    await run.finish()
    assert [payload.policy for payload in run.payloads("tool.in_doubt")] == ["rerun"]
    finished = run.payloads("tool.finished")[0]
    assert [call_id for call_id, _ in tool.calls] == [finished.call_id] * 2
    assert doubts == [False, True]
    assert finished.outcome == "ok"


async def test_doubt_is_logged_once_however_often_workers_die() -> None:
    deaths = iter([True, True, False])

    async def die(_context: Any) -> None:
        if next(deaths):
            raise Died

    run = planned([["a"]], EchoTool(before=die))
    for generation in (2, 3):
        with pytest.raises(Died):
            await run.step()
        run.take_over(generation=generation)
    await run.finish()
    assert len(run.payloads("tool.in_doubt")) == 1
    assert len(run.payloads("tool.called")) == 1


async def test_a_call_whose_tool_is_gone_after_a_crash_is_not_repeated() -> None:
    async def die(_context: Any) -> None:
        raise Died

    run = planned([["a"]], EchoTool(before=die))
    with pytest.raises(Died):
        await run.step()
    run.registry = ToolRegistry({})
    await run.step()
    assert run.payloads("tool.in_doubt")[0].policy == "ask"
    assert run.state().parked
    assert run.payloads("approval.requested")[0].kind == "doubt"


async def test_attempts_go_on_counting_after_a_crash() -> None:
    down = ModelUnavailableError("down", status=503)
    run = World(ListModel([down, down, down], tool_mode="native"), ToolRegistry({}))
    await run.step(stop_after=1)
    run.take_over(generation=2)
    await run.step()
    assert run.state().parked
    assert [payload.attempt for payload in run.payloads("model.failed")] == [1, 2, 3]
    assert len(run.model.requests) == 3


async def test_a_log_that_cannot_be_written_is_no_tool_failure() -> None:
    class LeaseLostError(Exception):
        """Another worker owns the run."""

    async def note(context: Any) -> None:
        run.broken = True  # type: ignore[attr-defined]
        await context.emit([CapabilityRequested(call_id=context.call_id, name="n", purpose="p")])

    class Fenced(World):
        async def emit(self, events: Any) -> None:
            if getattr(self, "broken", False):
                raise LeaseLostError
            await super().emit(events)

    model = PlannedModel([], tool_mode="native")
    model.plan = [["a"]]
    run = Fenced(model, ToolRegistry({"calculate": EchoTool(before=note)}))
    with pytest.raises(LeaseLostError):
        await run.step()
    assert run.types[-1] == "tool.called"
