from decimal import Decimal
from typing import Any

import pytest
from agent_world import SPEC, EchoTool, ListModel, World, text_result

from hortus_agents.limits import DayLeft, RunLimits, Spent, TokenPrice
from hortus_agents.messages import Usage
from hortus_agents.tools.registry import ToolRegistry

PRICE = TokenPrice(prompt=Decimal("0.5"), completion=Decimal(2), cached=Decimal("0.05"))
LONG = " ".join(f"word{n}" for n in range(200))


def world(*replies: Any, mode: str = "native", deltas: int = 200, **changes: Any) -> World:
    model = ListModel(list(replies), tool_mode=mode, deltas=deltas)
    return World(model, ToolRegistry({"calculate": EchoTool()}), **changes)


def use(text: str) -> str:
    return f'{{"tool": "echo", "arguments": {{"text": "{text}"}}}}'


def test_a_price_per_million_tokens_is_millionths_per_token_rounded_up() -> None:
    assert PRICE.cost_micros(Usage(prompt_tokens=1_000, completion_tokens=10)) == 520
    assert PRICE.cost_micros(Usage(prompt_tokens=1_000, completion_tokens=10, cached_tokens=900)) == 115
    assert PRICE.cost_micros(Usage(prompt_tokens=1)) == 1
    assert TokenPrice(prompt=Decimal(1)).cost_micros(Usage(prompt_tokens=9, cached_tokens=9)) == 9


@pytest.mark.parametrize(("own", "asked", "lower"), [(None, 5, 5), (5, None, 5), (5, 9, 5), (None, None, None)])
def test_a_bound_on_money_can_only_be_lowered(own: int | None, asked: int | None, lower: int | None) -> None:
    assert RunLimits(cost_micros=own).lowered_by(RunLimits(cost_micros=asked)).cost_micros == lower


def test_what_is_left_is_never_negative() -> None:
    left = Spent(tokens=500, steps=1, cost_micros=9).left(RunLimits(tokens=300, cost_micros=10), elapsed_s=1_000)
    assert (left.tokens, left.steps, left.wall_s, left.cost_micros) == (0, 15, 0.0, 1)


async def test_an_answer_is_cut_off_in_mid_stream_when_the_tokens_are_gone_and_kept() -> None:
    run = world(LONG, limits=RunLimits(tokens=120))
    state = await run.finish()
    (ended,) = run.payloads("run.budget_exhausted")
    assert state.status == "budget_exhausted"
    assert ended.limit == "tokens"
    assert ended.partial_output == "".join(delta.text for delta in run.deltas)
    assert 0 < len(ended.partial_output) < len(LONG)
    assert run.model.closed == 1  # the request was ended
    assert 120 < ended.spent.tokens < 140
    assert ended.spent.model_calls == 1


async def test_an_answer_is_cut_off_when_its_tenant_s_day_is_gone_by_what_others_use_meanwhile() -> None:
    day = DayLeft(tokens=10_000)
    run = world(LONG, day=day)

    class OthersUse(list[Any]):
        def append(self, delta: Any) -> None:
            super().append(delta)
            if len(self) == 50:
                day.tokens = 60

    run.deltas = OthersUse()
    await run.finish()
    (ended,) = run.payloads("run.budget_exhausted")
    assert ended.limit == "tokens_per_day"
    assert ended.partial_output == "".join(delta.text for delta in run.deltas)
    assert 50 <= len(run.deltas) < 70


async def test_what_the_day_has_counted_of_the_run_is_not_taken_off_twice() -> None:
    spent = Spent(tokens=40, cost_micros=7)
    assert DayLeft(tokens=1, counted_tokens=40).exhausted(spent) is None
    assert DayLeft(tokens=0, counted_tokens=40).exhausted(spent) == "tokens_per_day"
    assert DayLeft(cost_micros=3, counted_cost_micros=5).exhausted(spent) is None
    assert DayLeft(cost_micros=2, counted_cost_micros=5).exhausted(spent) == "cost_micros_per_day"


async def test_no_further_call_starts_once_the_run_itself_has_used_what_the_day_had_left() -> None:
    heavy = text_result(use("a")).model_copy(update={"usage": Usage(prompt_tokens=90, completion_tokens=10)})
    run = world(heavy, "never", mode="constrained", deltas=1, day=DayLeft(tokens=100))
    await run.finish()
    assert run.payloads("run.budget_exhausted")[0].limit == "tokens_per_day"
    assert len(run.model.requests) == 1


async def test_an_answer_within_the_budget_is_not_touched() -> None:
    run = world(LONG, limits=RunLimits(tokens=400))
    assert (await run.finish()).output == LONG


async def test_money_ends_an_answer_in_mid_stream_too() -> None:
    run = world(LONG, limits=RunLimits(cost_micros=100), price=PRICE)
    await run.finish()
    (ended,) = run.payloads("run.budget_exhausted")
    assert ended.limit == "cost_micros"
    assert 100 < ended.spent.cost_micros < 110


async def test_calls_are_priced_and_no_further_one_starts_once_the_money_is_gone() -> None:
    dear = text_result(use("a")).model_copy(update={"usage": Usage(prompt_tokens=200, completion_tokens=10)})
    run = world(dear, "never", mode="constrained", deltas=1, limits=RunLimits(cost_micros=100), price=PRICE)
    state = await run.finish()
    assert [payload.cost_micros for payload in run.payloads("model.called")] == [120]
    assert state.spent.cost_micros == 120
    assert run.payloads("run.budget_exhausted")[0].limit == "cost_micros"
    assert len(run.model.requests) == 1


async def test_the_agent_is_told_when_little_is_left_and_only_at_the_prompts_end() -> None:
    heavy = text_result(use("a")).model_copy(update={"usage": Usage(prompt_tokens=850, completion_tokens=10)})
    run = world(use("b"), heavy, '{"answer": "x"}', mode="constrained", deltas=1, limits=RunLimits(tokens=1_000))
    await run.finish()
    _, before, after = (request.messages for request in run.model.requests)
    assert not any("Budget:" in message.content for message in before)
    assert after[-1].content == "Budget: 13% of the tokens is left. Finish soon."
    assert after[: len(before)] == before


async def test_a_limit_that_is_nearly_used_up_is_told_of_once_by_the_commit_of_the_model_call() -> None:
    heavy = text_result(use("a")).model_copy(update={"usage": Usage(prompt_tokens=10, completion_tokens=790)})
    replies = (heavy, use("b"), use("c"), use("d"), '{"answer": "x"}')
    run = world(*replies, mode="constrained", deltas=1, limits=RunLimits(tokens=1_000, steps=5))
    await run.finish()
    warned = [(payload.limit, payload.used, payload.bound) for payload in run.payloads("budget.warned")]
    assert warned == [("tokens", 800, 1_000), ("steps", 4, 5)]
    types = [event.type for event in run.log]
    assert types[types.index("budget.warned") - 1] == "model.called"


async def test_a_run_that_ends_by_itself_warns_of_nothing() -> None:
    last = text_result("done").model_copy(update={"usage": Usage(prompt_tokens=950, completion_tokens=10)})
    run = world(last, deltas=1, limits=RunLimits(tokens=1_000, steps=1))
    await run.finish()
    assert not run.payloads("budget.warned")


def test_a_limit_of_nothing_is_never_nearly_used_up() -> None:
    limits = RunLimits(tool_calls=0, wall_s=100)
    assert Spent().nearing(limits, elapsed_s=79) == ()
    assert [use.limit for use in Spent().nearing(limits, elapsed_s=80)] == ["wall_s"]


def test_a_definition_keeps_its_meaning_without_a_price() -> None:
    assert SPEC.limits.cost_micros is None
    assert Spent(cost_micros=10**9).exhausted(SPEC.limits) is None
