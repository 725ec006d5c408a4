"""The model's endpoint is lost: the run is patient, costs no worker meanwhile, and goes on where readers are."""

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from agent_world import SPEC, START, ListModel, World, named, text_result

from hortus_agents.errors import ModelError, ModelProtocolError, ModelTimeoutError, ModelUnavailableError
from hortus_agents.limits import RunLimits
from hortus_agents.loop.engine import StepEngine
from hortus_agents.loop.journal import message_id
from hortus_agents.loop.retry import Again, RetryRules, decide_retry
from hortus_agents.loop.state import RunState
from hortus_agents.loop.step import Draft
from hortus_agents.messages import ChatRequest, ChatResult, TextDelta
from hortus_agents.spec import ToolMode
from hortus_agents.tools.registry import ToolRegistry

PLAIN = SPEC.model_copy(update={"tools": ()})
DOWN = ModelUnavailableError("nobody listens", status=503)
ANSWER = "one two three four five"


def world(replies: list[Any], *, patience_s: float = 60.0, **limits: Any) -> World:
    engine = StepEngine(retries=RetryRules(patience_s=patience_s))
    return World(ListModel(replies), ToolRegistry({}), spec=PLAIN, engine=engine, limits=RunLimits(**limits))


async def until_over(run: World, *, most: int = 50) -> int:
    """Wake the run whenever it waits; how often it did."""
    for wakes in range(most):
        await run.step()
        if run.state().finished:
            return wakes
        run.wake()
    raise AssertionError("the run does not end")


async def test_after_three_quick_attempts_the_run_waits_without_a_worker() -> None:
    run = world([DOWN, DOWN, DOWN, '{"answer": "up"}'])
    await run.step()
    state = run.state()
    assert state.parked
    assert state.waiting_for is not None
    assert (state.waiting_for.kind, state.waiting_for.detail) == ("model", "nobody listens")
    assert state.waiting_for.due_at is not None
    assert timedelta(seconds=1.9) < state.waiting_for.due_at - run.now < timedelta(seconds=2.1)
    assert run.commits[-1] == ("model.failed", "run.waiting")
    run.wake()
    await run.step()
    assert run.state().output == "up"
    assert "message.restarted" not in run.types, "nobody saw anything of the message"


async def test_an_outage_within_the_patience_is_outlived() -> None:
    run = world([DOWN] * 7 + ['{"answer": "up"}'])
    assert await until_over(run) == 5
    assert run.state().status == "succeeded"
    waits = [payload.reason.due_at for payload in run.payloads("run.waiting")]
    assert [round((due - START).total_seconds()) for due in waits] == [2, 6, 14, 29, 44]


async def test_while_every_circuit_is_open_the_run_comes_back_with_the_probe() -> None:
    opened = ModelUnavailableError("no endpoint takes requests", retry_after_s=3.0)
    run = world([DOWN, DOWN, *[opened] * 6, '{"answer": "up"}'])
    assert await until_over(run) == 6
    waits = [payload.reason.due_at for payload in run.payloads("run.waiting")]
    assert [round((due - START).total_seconds()) for due in waits] == [3, 6, 9, 12, 15, 18]


async def test_patience_ends_with_the_endpoints_own_reason() -> None:
    run = world([DOWN] * 40, patience_s=25)
    await until_over(run)
    assert run.state().status == "failed"
    assert run.payloads("run.failed")[0].code == "model_unavailable"
    assert [payload.will_retry for payload in run.payloads("model.failed")][-2:] == [True, False]
    assert 25 <= (run.now - START).total_seconds() < 26, "all of the patience was used, and no more"


async def test_an_answer_in_between_gives_the_patience_anew() -> None:
    down = [DOWN] * 4
    use = '{"tool": "calculate", "arguments": {"expression": "1+1"}}'
    run = world([*down, use, *down, '{"answer": "2"}'], patience_s=5)
    run.spec = SPEC
    for _ in range(20):
        await run.step()
        if run.state().finished:
            break
        if run.state().parked:
            run.wake()
    assert run.state().failing_since is None
    assert run.state().failures == 0


async def test_the_wait_counts_against_the_wall_limit() -> None:
    run = world([DOWN] * 40, patience_s=600, wall_s=20)
    await until_over(run)
    assert run.payloads("run.budget_exhausted")[0].limit == "wall_s"
    assert 20 <= (run.now - START).total_seconds() < 21


async def test_a_longer_pause_than_a_worker_holds_parks_at_once() -> None:
    run = world([ModelUnavailableError("full", status=429, retry_after_s=12.0), '{"answer": "up"}'])
    await run.step()
    waiting = run.state().waiting_for
    assert waiting is not None
    assert waiting.due_at is not None
    assert 11.9 < (waiting.due_at - run.now).total_seconds() < 12.1
    assert run.pauses == []


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ModelTimeoutError("hung", timeout_s=3), Again(0.5)),
        (ModelUnavailableError("full", status=429, retry_after_s=90), Again(30.0, START + timedelta(seconds=30))),
        (ModelProtocolError("garbled"), Again(0.5)),
    ],
)
def test_what_follows_a_first_failure(error: ModelError, expected: Again) -> None:
    state = RunState(run_id=named("run"))
    assert decide_retry(error, state, RetryRules(), now=START, jitter=0.0, wall_left_s=900) == expected


@dataclass
class Losing:
    """Writes one text and loses its connection at the given characters; goes on wherever it is asked to."""

    text: str
    losses: list[int]
    tool_mode: ToolMode = "constrained"
    able: bool = True
    name: str = "losing"
    asked: list[ChatRequest] = field(default_factory=list)

    async def can_continue(self) -> bool:
        return self.able

    async def stream(self, request: ChatRequest) -> AsyncGenerator[TextDelta | ChatResult, None]:
        self.asked.append(request)
        written = len(request.continue_text)
        end = self.losses.pop(0) if self.losses else len(self.text)
        while written < min(end, len(self.text)):
            yield TextDelta(text=self.text[written : written + 2])
            written += 2
        if written < len(self.text):
            raise ModelUnavailableError("the connection was lost")
        yield text_result(self.text[len(request.continue_text) :])


def screen(run: World) -> str:
    shown = ""
    for piece in run.deltas:
        assert piece.index == len(shown), "a repeat or a hole"
        shown += piece.text
    return shown


def losing(mode: ToolMode, losses: list[int], *, able: bool = True) -> World:
    text = ANSWER if mode == "native" else json.dumps({"answer": ANSWER})
    model = Losing(text, losses, mode, able)
    return World(model, ToolRegistry({}), spec=PLAIN)  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["native", "constrained"])
async def test_the_same_worker_goes_on_behind_what_was_shown(mode: ToolMode) -> None:
    run = losing(mode, [16, 22])
    await run.step()
    assert run.state().output == ANSWER == screen(run)
    assert run.types.count("model.failed") == 2
    assert "message.restarted" not in run.types
    assert run.payloads("model.called")[0].text == run.model.text  # type: ignore[attr-defined]


async def test_where_it_cannot_go_on_the_message_starts_anew() -> None:
    run = losing("native", [10], able=False)
    await run.step()
    assert [payload.reason for payload in run.payloads("message.restarted")] == ["cannot_continue"]
    assert run.state().output == ANSWER


async def test_a_run_that_waits_in_mid_answer_goes_on_there_too() -> None:
    run = losing("native", [8, 8, 8])
    await run.step()
    waiting = run.payloads("run.waiting")[0]
    assert (waiting.reason.kind, waiting.partial_output) == ("model", ANSWER[:8])
    run.wake()
    assert run.state().taken_over
    await run.step(draft=Draft(message_id(run.run_id, 1), ANSWER[:8], ANSWER[:8]))
    assert run.state().output == ANSWER == screen(run)
    assert "message.restarted" not in run.types
