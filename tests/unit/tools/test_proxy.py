import asyncio
from typing import Any

import pytest
from agent_world import SPEC, EchoTool, named

from hortus_agents.errors import SandboxError, ToolFailedError, ToolRetryError
from hortus_agents.messages import ToolCall
from hortus_agents.tools.port import SideEffect, ToolContext
from hortus_agents.tools.proxy import Admitted, NeedsPerson, Observation, ToolProxy


def call(name: str = "echo", **arguments: Any) -> ToolCall:
    return ToolCall(id="c1", name=name, arguments=arguments or {"text": "hi"})


def context() -> ToolContext:
    async def emit(_payloads: Any) -> None:
        raise AssertionError

    return ToolContext(named("t"), named("s"), named("r"), named("a"), 1, "c1", SPEC, emit)


async def run(proxy: ToolProxy, asked: ToolCall, **options: Any) -> Observation:
    admitted = proxy.admit(asked, SPEC)
    assert isinstance(admitted, Admitted), admitted
    return await proxy.run(admitted, context(), **options)


def raising(error: BaseException) -> EchoTool:
    async def before(_context: Any) -> None:
        raise error

    return EchoTool(before=before)


async def test_a_good_call_gives_its_text() -> None:
    observation = await run(ToolProxy([EchoTool()]), call())
    assert (observation.outcome, observation.content) == ("ok", "echo: hi")


def test_an_unknown_tool_is_refused_with_the_names_that_exist() -> None:
    refused = ToolProxy([EchoTool()]).admit(call("shell"), SPEC)
    assert isinstance(refused, Observation)
    assert (refused.outcome, refused.content) == ("retry", "there is no tool 'shell'; the tools are: echo")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"text": 3}, "text: 3 is not of type 'string'"), ({"txt": "x"}, "echo"), ({"text": "x", "y": 1}, "'y'")],
)
def test_arguments_outside_the_schema_are_refused(arguments: dict[str, Any], words: str) -> None:
    refused = ToolProxy([EchoTool()]).admit(ToolCall(id="c", name="echo", arguments=arguments), SPEC)
    assert isinstance(refused, Observation)
    assert refused.outcome == "retry"
    assert words in refused.content


@pytest.mark.parametrize(("reach", "persons"), [(SideEffect.EXTERNAL, 1), (SideEffect.IRREVERSIBLE, 2)])
def test_whatever_reaches_outside_needs_persons_by_default(reach: SideEffect, persons: int) -> None:
    needed = ToolProxy([EchoTool(side_effect=reach)]).admit(call(), SPEC)
    assert isinstance(needed, NeedsPerson)
    assert needed.verdict.persons == persons


def test_without_a_call_left_nobody_is_asked() -> None:
    refused = ToolProxy([EchoTool(side_effect=SideEffect.EXTERNAL)]).admit(call(), SPEC, calls_left=0)
    assert isinstance(refused, Observation)
    assert (refused.outcome, refused.error) == ("denied", "budget")


class BrokenPolicy:
    revision = 1

    def judge(self, _call: Any) -> Any:
        raise RecursionError


def test_a_call_that_cannot_be_judged_is_not_made() -> None:
    refused = ToolProxy([EchoTool()], policy=BrokenPolicy()).admit(call(), SPEC)
    assert isinstance(refused, Observation)
    assert refused.verdict is not None
    assert (refused.outcome, refused.verdict.rule) == ("denied", "policy-broken")


@pytest.mark.parametrize(
    ("error", "outcome", "kind", "words"),
    [
        (ToolRetryError("try x"), "retry", "tool_retry", "try x"),
        (ToolFailedError("never"), "failed", "tool_failed", "never"),
        (SandboxError("no jail"), "failed", "sandbox", "no jail"),
        (KeyError("secret detail"), "failed", "tool_broken", "echo is broken: KeyError"),
    ],
)
async def test_whatever_a_tool_raises_becomes_an_observation(
    error: Exception, outcome: str, kind: str, words: str
) -> None:
    observation = await run(ToolProxy([raising(error)]), call())
    assert (observation.outcome, observation.error, observation.content) == (outcome, kind, words)


async def test_cancellation_is_not_an_observation() -> None:
    with pytest.raises(asyncio.CancelledError):
        await run(ToolProxy([raising(asyncio.CancelledError())]), call())


@pytest.mark.usefixtures("virtual_clock")
@pytest.mark.parametrize(("own", "given"), [(0.05, None), (30.0, 0.05)])
async def test_a_slow_tool_is_stopped_at_the_stricter_bound(own: float, given: float | None) -> None:
    async def sleep(_context: Any) -> None:
        await asyncio.sleep(20)

    observation = await run(ToolProxy([EchoTool(before=sleep, timeout_s=own)]), call(), timeout_s=given)
    assert observation.outcome == "failed"
    assert "was stopped" in observation.content


async def test_a_long_output_is_cut_for_the_prompt_and_kept_whole_elsewhere() -> None:
    kept: list[bytes] = []

    async def store(whole: bytes) -> str:
        kept.append(whole)
        return "ab" * 32

    proxy = ToolProxy([EchoTool()], store_artifact=store, output_limit=100)
    observation = await run(proxy, call(text="ü" * 200))
    assert observation.truncated
    assert observation.artifact_sha256 == "ab" * 32
    assert kept == [("echo: " + "ü" * 200).encode()]
    assert observation.content.endswith(f"[cut: the first 100 of 406 bytes; artifact {'ab' * 32}]")
    assert len(observation.content.encode()) < 225
