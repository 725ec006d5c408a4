"""Calls that code makes from the sandbox: judged, counted and recorded like a model's own."""

import asyncio
import json
from typing import Any

import pytest
from agent_world import SPEC, EchoTool, ListModel, World

from hortus_agents.events import KeptFile
from hortus_agents.limits import RunLimits
from hortus_agents.sandbox import SandboxLimits, open_sandbox
from hortus_agents.tools.builtin.python import PythonTool
from hortus_agents.tools.port import SideEffect
from hortus_agents.tools.registry import ToolRegistry

ANSWER = '{"answer": "done"}'


async def run(code: str, *tools: EchoTool, limits: RunLimits | None = None, **spec: Any) -> World:
    sandbox = await open_sandbox(concurrency=1)
    model = ListModel([json.dumps({"tool": "python", "arguments": {"code": code}}), ANSWER])
    builtins: dict[Any, Any] = {"python": PythonTool(sandbox, limits=SandboxLimits(wall_s=2.0))}
    plugins = {tool.name: tool for tool in tools}
    registry = ToolRegistry(builtins, plugins=plugins)
    agent = SPEC.model_copy(update={"tools": ("python",), "plugins": tuple(plugins), **spec})
    world = World(model, registry, spec=agent, limits=limits or RunLimits())
    try:
        await world.finish()
    finally:
        await sandbox.aclose()
    return world


def results(world: World) -> dict[str, tuple[str, str]]:
    return {each.call_id.split("-")[-1]: (each.outcome, each.content) for each in world.payloads("tool.finished")}


async def test_a_call_from_code_is_recorded_and_counted_like_any_other() -> None:
    echo = EchoTool()
    world = await run("print(call_tool('echo', text='a'), call_tool('echo', text='b'))", echo)
    assert results(world)["0"] == ("ok", "echo: a echo: b")
    assert results(world)["0/2"] == ("ok", "echo: b")
    assert [each.name for each in world.payloads("tool.called")] == ["python", "echo", "echo"]
    assert world.state().spent.tool_calls == 3
    assert [call_id.split("-")[-1] for call_id, _ in echo.calls] == ["0/1", "0/2"]


async def test_files_of_a_call_stand_in_its_end() -> None:
    async def store_file(name: str, content: bytes) -> KeptFile:
        return KeptFile(name=name, sha256="0" * 64, size=len(content))

    sandbox = await open_sandbox(concurrency=1)
    call = {"tool": "python", "arguments": {"code": "open('a', 'w').write('hi')", "outputs": ["a"]}}
    registry = ToolRegistry({"python": PythonTool(sandbox, store_file)})
    world = World(ListModel([json.dumps(call), ANSWER]), registry, spec=SPEC.model_copy(update={"tools": ("python",)}))
    try:
        await world.finish()
    finally:
        await sandbox.aclose()
    (ended,) = world.payloads("tool.finished")
    assert ended.files == (KeptFile(name="a", sha256="0" * 64, size=2),)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("call_tool('nothing')", "there is no tool 'nothing'"),
        ("call_tool('echo', text=1)", "invalid arguments of echo"),
        ("call_tool('python', code='1')", "python may not be called from code"),
        ("call_tool('request_capability', name='x', purpose='yyyy')", "there is no tool 'request_capability'"),
        ("call_tool('approve', id='x')", "there is no tool 'approve'"),
        ("call_tool('policies', effect='allow')", "there is no tool 'policies'"),
        ("call_tool('budgets', tokens=10**9)", "there is no tool 'budgets'"),
        ("call_tool('audit', drop=True)", "there is no tool 'audit'"),
    ],
)
async def test_code_reaches_granted_tools_and_nothing_else(code: str, reason: str) -> None:
    echo = EchoTool()
    world = await run(code, echo)
    outcome, content = results(world)["0"]
    assert outcome == "retry"
    assert reason in content
    assert echo.calls == []


@pytest.mark.parametrize("text", ["'\\ud800'", "10**400", "eval('[' * 70 + ']' * 70)"], ids=["half", "big", "deep"])
async def test_what_the_log_could_not_hold_is_no_call(text: str) -> None:
    echo = EchoTool()
    world = await run(f"call_tool('echo', text={text})", echo)
    assert "could not be understood" in results(world)["0"][1]
    assert (echo.calls, len(world.payloads("tool.called"))) == ([], 1)


async def test_a_call_that_reaches_outside_without_a_grant_is_denied_in_code_too() -> None:
    writer = EchoTool(name="mail", side_effect=SideEffect.IRREVERSIBLE)
    world = await run("call_tool('mail', text='x')", writer)
    assert results(world)["0/1"][0] == "denied"
    assert "needs a person's approval" in results(world)["0"][1]
    assert writer.calls == []
    assert not world.payloads("approval.requested")


async def test_a_tool_that_must_not_run_twice_is_not_called_from_code() -> None:
    careful = EchoTool(in_doubt="ask")
    world = await run("call_tool('echo', text='x')", careful)
    assert "may not be called from code" in results(world)["0"][1]
    assert careful.calls == []


async def test_the_runs_budget_of_calls_holds_for_code() -> None:
    echo = EchoTool()
    world = await run("for n in range(9): call_tool('echo', text=str(n))", echo, limits=RunLimits(tool_calls=4))
    assert len(echo.calls) == 3
    assert "limit of tool calls" in results(world)["0"][1]


async def test_a_call_that_was_cut_off_with_its_code_has_an_end_in_the_log() -> None:
    async def forever(_context: Any) -> None:
        while True:
            await asyncio.sleep(1)

    slow = EchoTool(before=forever, timeout_s=60)
    world = await run("call_tool('echo', text='x')", slow, limits=RunLimits(wall_s=60))
    assert results(world)["0/1"] == ("failed", "stopped with the call that made it")
    assert "timeout" in results(world)["0"][1]
