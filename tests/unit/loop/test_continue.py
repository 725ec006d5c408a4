"""A worker takes over in the middle of an answer: the model goes on behind what readers saw."""

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import pytest
from agent_world import SPEC, World, text_result
from hypothesis import given, settings
from hypothesis import strategies as st

from hortus_agents.errors import ModelRejectedError
from hortus_agents.loop.journal import message_id
from hortus_agents.loop.step import Draft
from hortus_agents.messages import ChatRequest, ChatResult, TextDelta
from hortus_agents.spec import ToolMode
from hortus_agents.tools.registry import ToolRegistry

PLAIN = SPEC.model_copy(update={"tools": ()})
ANSWER = 'one "two"\n\té \\ and \U0001f33b four'


@dataclass
class Writer:
    """Writes one text in pieces, from wherever it is asked to go on; refuses a beginning that is not its own."""

    text: str
    size: int = 3
    tool_mode: ToolMode = "constrained"
    able: bool = True
    name: str = "writer"
    asked: list[ChatRequest] = field(default_factory=list)

    async def can_continue(self) -> bool:
        return self.able

    async def stream(self, request: ChatRequest) -> AsyncGenerator[TextDelta | ChatResult, None]:
        self.asked.append(request)
        if not self.text.startswith(request.continue_text):
            raise ModelRejectedError("not mine", status=400)
        rest = self.text[len(request.continue_text) :]
        for start in range(0, len(rest), self.size):
            yield TextDelta(text=rest[start : start + self.size])
        yield text_result(rest)


def world(model: Any) -> World:
    return World(model, ToolRegistry({}), spec=PLAIN)


def written(mode: ToolMode, *, escaped: bool = False) -> str:
    return ANSWER if mode == "native" else json.dumps({"answer": ANSWER}, ensure_ascii=escaped)


def draft_of(run: World) -> Draft:
    pieces = run.deltas
    text = "".join(piece.text for piece in pieces)
    raw = "".join(piece.text if piece.raw is None else piece.raw for piece in pieces)
    return Draft(message_id(run.run_id, 1), text, raw)


def screen(run: World) -> str:
    """What a reader has who takes every piece at its place."""
    shown = ""
    for piece in run.deltas:
        assert piece.index == len(shown), "a repeat or a hole"
        shown += piece.text
    return shown


async def interrupted(model: Writer, *, after: int) -> World:
    run = world(model)
    await run.step(stop_after=after)
    if not run.state().finished:
        run.take_over(generation=2)
    return run


@settings(max_examples=60)
@given(
    mode=st.sampled_from(["native", "constrained"]),
    escaped=st.booleans(),
    size=st.integers(1, 7),
    cut=st.integers(1, 12),
)
async def test_wherever_it_is_cut_every_character_is_shown_once(
    mode: ToolMode, escaped: bool, size: int, cut: int
) -> None:
    model = Writer(written(mode, escaped=escaped), size, mode)
    run = await interrupted(model, after=cut)
    if run.state().finished:
        return
    await run.step(draft=draft_of(run))
    assert screen(run) == ANSWER
    assert run.payloads("message.completed")[0].content == ANSWER
    assert "message.restarted" not in run.types
    assert model.asked[-1].continue_text == draft_of(run).raw[: len(model.asked[-1].continue_text)] != ""


async def test_the_logged_call_holds_the_whole_text() -> None:
    model = Writer(written("constrained"))
    run = await interrupted(model, after=3)
    await run.step(draft=draft_of(run))
    assert run.payloads("model.called")[0].text == model.text


@pytest.mark.parametrize(
    "change",
    [
        {"text": ""},
        {"raw": '{"answer": "other'},
        {"raw": json.dumps({"answer": ANSWER})},
        {"raw": '{"tool": "x", "arguments": {'},
    ],
)
async def test_a_draft_that_is_none_of_this_answer_is_dropped(change: dict[str, Any]) -> None:
    run = await interrupted(Writer(written("constrained")), after=3)
    good = draft_of(run)
    run.deltas.clear()
    await run.step(draft=Draft(good.message_id, change.get("text", good.text), change.get("raw", good.raw)))
    assert run.types.count("message.restarted") == 1
    assert screen(run) == ANSWER


async def test_an_endpoint_that_cannot_go_on_starts_anew() -> None:
    run = await interrupted(Writer(written("constrained"), able=False), after=3)
    good = draft_of(run)
    run.deltas.clear()
    await run.step(draft=good)
    assert [payload.reason for payload in run.payloads("message.restarted")] == ["worker_lost"]
    assert screen(run) == ANSWER


async def test_an_endpoint_that_refuses_the_beginning_is_asked_for_all_of_it() -> None:
    run = await interrupted(Writer(written("constrained")), after=3)
    good = draft_of(run)
    run.deltas.clear()
    run.model = Writer(json.dumps({"answer": "something else"}))  # type: ignore[assignment]
    await run.step(draft=good)
    assert [payload.reason for payload in run.payloads("message.restarted")] == ["cannot_continue"]
    assert run.payloads("message.completed")[0].content == "something else"
