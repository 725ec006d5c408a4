from typing import Any

import pytest
from agent_world import SPEC, EchoTool, ListModel, World, text_result

from hortus_agents.loop.breaker import detect_loop
from hortus_agents.messages import ToolCall
from hortus_agents.spec import LoopBreakerSpec
from hortus_agents.tools.registry import ToolRegistry


def native(*texts: str) -> Any:
    calls = [ToolCall(id=f"x{n}", name="echo", arguments={"text": text}) for n, text in enumerate(texts)]
    return text_result("", calls=calls, finish="tool_calls")


def world(*replies: Any, **rules: Any) -> World:
    spec = SPEC.model_copy(update={"loop_breaker": LoopBreakerSpec(**rules)})
    registry = ToolRegistry({"calculate": EchoTool()})
    return World(ListModel([*replies, "done"], tool_mode="native"), registry, spec=spec)


async def test_the_third_same_call_with_the_same_result_ends_the_run_with_a_reason() -> None:
    run = world(native("a"), native("a"), native("a"))
    state = await run.finish()
    (failed,) = run.payloads("run.failed")
    assert state.status == "failed"
    assert failed.code == "loop_detected"
    assert 'echo({"text":"a"})' in failed.message
    assert failed.spent.tool_calls == 3
    assert run.commits[-1][-2:] == ("tool.finished", "run.failed")


async def test_two_calls_that_take_turns_end_the_run_with_both_named() -> None:
    run = world(native("a"), native("b"), native("a"), native("b"), repeats=5)
    await run.finish()
    (failed,) = run.payloads("run.failed")
    assert failed.code == "loop_detected"
    assert '{"text":"a"}' in failed.message
    assert '{"text":"b"}' in failed.message


@pytest.mark.parametrize("rules", [{"enabled": False}, {"repeats": 4, "pairs": 3}])
async def test_a_patient_agent_may_repeat_itself(rules: dict[str, Any]) -> None:
    run = world(native("a"), native("a"), native("a"), **rules)
    assert (await run.finish()).status == "succeeded"


async def test_the_same_call_three_times_in_one_step_is_no_loop() -> None:
    run = world(native("a", "a", "a"))
    assert (await run.finish()).status == "succeeded"


async def test_different_calls_are_no_loop() -> None:
    run = world(native("a"), native("b"), native("c"), native("d"), native("e"))
    assert (await run.finish()).status == "succeeded"


async def test_wrong_arguments_over_and_over_are_a_loop() -> None:
    wrong = text_result("", calls=[ToolCall(id="x", name="echo", arguments={"txt": 1})], finish="tool_calls")
    run = world(wrong, wrong, wrong)
    await run.finish()
    assert run.payloads("run.failed")[0].code == "loop_detected"


async def test_the_fold_of_the_log_alone_decides() -> None:
    run = world(native("a"), native("b"), native("a"), native("b"), repeats=5)
    await run.finish()
    failed = run.payloads("run.failed")[0]
    run.log.pop()
    assert detect_loop(run.state(), LoopBreakerSpec(repeats=5)) == failed
    assert detect_loop(run.state(), LoopBreakerSpec(repeats=5, pairs=3)) is None
    assert detect_loop(run.state(), LoopBreakerSpec(enabled=False)) is None
