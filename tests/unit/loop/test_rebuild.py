"""A call's request is built again from the log, and its digest says whether it is the very one."""

from typing import Any

import pytest
from agent_world import SPACE, EchoTool, ListModel, World, named, text_result

from hortus_agents.limits import RunLimits
from hortus_agents.loop.rebuild import CallFacts, RebuiltRequest, find_call, rebuild_request
from hortus_agents.loop.step import RunScope
from hortus_agents.messages import ToolCall
from hortus_agents.tools.registry import ToolRegistry

USE = '{"tool": "echo", "arguments": {"text": "a"}}'


async def ended(mode: Any, *replies: Any, **changes: Any) -> World:
    run = World(ListModel(list(replies), tool_mode=mode), ToolRegistry({"calculate": EchoTool()}), **changes)
    await run.finish()
    return run


def rebuilt(run: World, seq: int, **changes: Any) -> RebuiltRequest | None:
    call = find_call(run.log, run.run_id, seq)
    if call is None:
        return None
    scope = RunScope(SPACE, named("session"), run.run_id, named("agent"))
    definitions = {"echo": EchoTool().definition}
    facts = CallFacts(**{"scope": scope, "spec": run.spec, "limits": run.limits, "definitions": definitions, **changes})
    return rebuild_request(run.log, call, facts)


def calls_of(run: World) -> list[int]:
    return [event.seq for event in run.log if event.type == "model.called" and event.run_id == run.run_id]


@pytest.mark.parametrize("mode", ["constrained", "native"])
async def test_every_call_of_a_run_is_rebuilt_exactly(mode: str) -> None:
    call = ToolCall(id="x", name="echo", arguments={"text": "a"})
    use = USE if mode == "constrained" else text_result("", calls=[call], finish="tool_calls")
    last = '{"answer": "done"}' if mode == "constrained" else text_result("done")
    run = await ended(mode, use, last)
    for seq, sent in zip(calls_of(run), run.model.requests, strict=True):
        found = rebuilt(run, seq)
        assert found is not None
        assert found.exact
        assert found.request.messages == sent.messages


async def test_a_call_that_had_to_answer_is_rebuilt_too() -> None:
    run = await ended("constrained", USE, '{"answer": "done"}', limits=RunLimits(steps=2))
    found = rebuilt(run, calls_of(run)[-1])
    assert found is not None
    assert found.exact
    assert found.request.messages[-1].content == "Give your answer now."
    assert run.model.requests[-1].json_schema == found.request.json_schema


async def test_what_has_changed_since_shows_as_another_digest() -> None:
    run = await ended("constrained", '{"answer": "done"}')
    other = run.spec.model_copy(update={"instructions": "Be long."})
    found = rebuilt(run, calls_of(run)[0], spec=other)
    assert found is not None
    assert not found.exact


async def test_only_calls_of_the_agents_own_have_a_request() -> None:
    run = await ended("constrained", '{"answer": "done"}')
    assert [rebuilt(run, event.seq) for event in run.log if event.type != "model.called"] == [None] * 6
