import asyncio
import contextlib
from datetime import timedelta
from uuid import uuid4

import pytest
from store_world import ENDED, World

from hortus_agents.events import (
    ModelCalled,
    NewEvent,
    RunBudgetExhausted,
    RunCancelled,
    RunSucceeded,
    StepStarted,
    ToolCalled,
)
from hortus_agents.limits import DayLeft, LimitName, Spent
from hortus_agents.messages import Usage
from hortus_server.domain.budgets import Allowance, TenantBudget
from hortus_server.domain.budgets import Usage as Used
from hortus_server.domain.errors import StaleGenerationError
from hortus_server.domain.records import Claim, Run, Session
from hortus_server.services.purge_history import PurgeHistory
from hortus_server.services.watch_budgets import FRESH_S, WatchBudgets


def called(prompt: int, cost: int) -> ModelCalled:
    return ModelCalled(
        message_id=uuid4(), model="m", tool_mode="native", text="x", finish_reason="stop",
        usage=Usage(prompt_tokens=prompt, completion_tokens=10), duration_ms=1.0, prompt_sha256="0", cost_micros=cost,
    )  # fmt: skip


async def end(world: World, claim: Claim, *payloads: object) -> Run:
    run = claim.run
    events = [NewEvent(step=1, payload=payload) for payload in payloads]
    async with world.store.system_transaction() as uow:
        written = await uow.events.append(
            run.tenant_id, run.session_id, events, run_id=run.id, generation=claim.generation
        )
        await uow.runs.finish(run.id, claim.generation, event=written[-1])
        return await uow.runs.get(run.tenant_id, run.id)


async def begun(world: World) -> Claim:
    session = await world.another_session()
    claim = await world.claim(await world.submit(session=session))
    assert claim is not None
    return claim


async def allowance(world: World, run: Run) -> Allowance:
    async with world.store.system_transaction() as uow:
        return await uow.budgets.allowance(world.tenant_id, run.session_id)


async def test_every_end_of_a_run_counts_for_its_session_and_its_tenants_day(world: World, other: World) -> None:
    first, second, third = await begun(world), await begun(world), await begun(world)
    await end(world, first, RunSucceeded(spent=Spent(tokens=100, cost_micros=7), usage=Usage()))
    await end(world, second, RunBudgetExhausted(limit="tokens", spent=Spent(tokens=20, cost_micros=2)))
    # A cancellation does not say what was used: it is folded from the log.
    run = await end(world, third, StepStarted(), called(30, 5), RunCancelled(reason="enough"))
    assert run.total_tokens == 40
    seen = await allowance(world, run)
    assert seen.today == Used(runs=3, tokens=160, cost_micros=14)
    assert (seen.session.tokens, seen.session.cost_micros) == (40, 5)
    assert 0 < seen.day_left_s <= 86_400
    assert (await allowance(other, run)).today == Used()


async def test_runs_that_end_at_once_are_all_counted(world: World) -> None:
    claims = [await begun(world) for _ in range(8)]
    done = RunSucceeded(spent=Spent(tokens=10), usage=Usage())
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(end(world, claim, done)) for claim in claims]
    assert (await allowance(world, tasks[0].result())).today == Used(runs=8, tokens=80)


async def test_a_budget_is_replaced_as_a_whole(world: World) -> None:
    async with world.store.system_transaction() as uow:
        await uow.budgets.set_budget(world.tenant_id, TenantBudget(tokens_per_day=5, tokens_per_session=2))
        await uow.budgets.set_budget(world.tenant_id, TenantBudget(cost_micros_per_day=9))
        assert (await uow.budgets.allowance(world.tenant_id)).budget == TenantBudget(cost_micros_per_day=9)


async def test_what_a_run_has_used_is_known_while_it_is_under_way_and_its_end_may_know_more(world: World) -> None:
    claim = await begun(world)
    async with world.store.system_transaction() as uow:
        events = [NewEvent(step=1, payload=payload) for payload in (StepStarted(), called(30, 5))]
        run = claim.run
        await uow.events.append(run.tenant_id, run.session_id, events, run_id=run.id, generation=claim.generation)
        spending = await uow.budgets.run_spending(run)
    assert spending.spent == Spent(steps=1, model_calls=1, tokens=40, cost_micros=5)
    cut = Spent(steps=1, model_calls=2, tokens=55, cost_micros=6)
    run = await end(world, claim, RunBudgetExhausted(limit="tokens", spent=cut))
    async with world.store.system_transaction() as uow:
        ended = await uow.budgets.run_spending(run)
    assert ended.spent == cut
    assert ended.elapsed_s == pytest.approx((run.finished_at - run.started_at).total_seconds())  # type: ignore[operator]
    assert 0 < spending.elapsed_s <= ended.elapsed_s


async def test_a_run_that_waits_for_its_first_worker_has_used_no_time(world: World) -> None:
    run = await world.submit()
    async with world.store.system_transaction() as uow:
        assert (await uow.budgets.run_spending(run)).elapsed_s == 0


async def test_a_budget_that_is_set_while_runs_work_is_seen_after_a_while(world: World) -> None:
    now = 0.0
    watch = WatchBudgets(world.store, monotonic=lambda: now)
    run = (await begun(world)).run
    await end(world, await begun(world), RunSucceeded(spent=Spent(tokens=100), usage=Usage()))
    seen: list[LimitName | None] = [await watch.before_step(run, DayLeft())]
    await bound(world, TenantBudget(tokens_per_day=100))
    seen.append(await watch.before_step(run, DayLeft()))
    now = FRESH_S
    seen.append(await watch.before_step(run, DayLeft()))
    assert seen == [None, None, "tokens_per_day"]


async def bound(world: World, budget: TenantBudget) -> None:
    async with world.store.system_transaction() as uow:
        await uow.budgets.set_budget(world.tenant_id, budget)


async def test_two_runs_at_once_see_each_other_s_model_calls_in_what_the_day_has_left(world: World) -> None:
    await bound(world, TenantBudget(tokens_per_day=100, cost_micros_per_day=50))
    watch, other_process = WatchBudgets(world.store), WatchBudgets(world.store)
    first, second = await begun(world), await begun(world)
    left, left_beside = DayLeft(), DayLeft()
    assert await watch.before_step(first.run, left) is None
    assert await other_process.before_step(second.run, left_beside) is None
    async with asyncio.TaskGroup() as group:
        group.create_task(world.append(first, StepStarted(), called(30, 5)))
        group.create_task(world.append(second, StepStarted(), called(20, 4)))
    assert await watch.before_step(first.run, left) is None
    assert await other_process.before_step(second.run, left_beside) is None
    assert left == DayLeft(tokens=30, cost_micros=41, counted_tokens=40, counted_cost_micros=5)
    assert left.passed(40 + 30, 5 + 41) is None
    assert left.passed(40 + 31, 5) == "tokens_per_day"
    assert left_beside.passed(30 + 30, 4 + 42) == "cost_micros_per_day"
    assert (await watch.limits(first.run)).tokens == 70, "what it has used of the day is its own already"
    await world.append(second, called(20, 4))
    assert await watch.before_step(first.run, left) == "tokens_per_day"


async def test_while_a_model_writes_the_calls_of_other_runs_are_seen(world: World) -> None:
    await bound(world, TenantBudget(tokens_per_day=100))
    first, second = await begun(world), await begun(world)
    looks = 0

    async def other_run_goes_on(_seconds: float) -> None:
        nonlocal looks
        looks += 1
        if looks > 2:
            await asyncio.Event().wait()
        await world.append(second, called(30, 5))

    watch = WatchBudgets(world.store, pause=other_run_goes_on)
    left = DayLeft()
    await watch.before_step(first.run, left)
    follows = asyncio.create_task(watch.follow(first.run, left))
    async with asyncio.timeout(10):
        while looks < 3:
            await asyncio.sleep(0.01)
    follows.cancel()
    assert left.tokens == 20


async def test_what_was_counted_call_by_call_is_not_counted_again_by_the_end(world: World) -> None:
    await bound(world, TenantBudget(tokens_per_day=1_000))
    claim = await begun(world)
    await world.append(claim, StepStarted(), called(30, 5))
    await world.append(claim, called(10, 1))
    assert (await allowance(world, claim.run)).today == Used(tokens=60, cost_micros=6)
    # The end knows of an estimate that no call reported, and one more call comes with it.
    spent = Spent(tokens=100, cost_micros=9)
    run = await end(world, claim, called(20, 2), RunBudgetExhausted(limit="tokens", spent=spent))
    seen = await allowance(world, run)
    assert seen.today == Used(runs=1, tokens=100, cost_micros=9)
    assert (seen.session.tokens, seen.session.cost_micros) == (100, 9)


async def test_a_budget_set_in_mid_run_leaves_its_earlier_calls_to_the_end(world: World) -> None:
    claim = await begun(world)
    await world.append(claim, StepStarted(), called(30, 5))
    await bound(world, TenantBudget(tokens_per_day=1_000))
    await world.append(claim, called(10, 1))
    assert (await allowance(world, claim.run)).today == Used(tokens=20, cost_micros=1)
    run = await end(world, claim, RunCancelled(reason="enough"))
    assert (await allowance(world, run)).today == Used(runs=1, tokens=60, cost_micros=6)


async def test_a_call_of_a_worker_that_lost_the_run_or_whose_commit_failed_is_not_counted(world: World) -> None:
    await bound(world, TenantBudget(tokens_per_day=1_000))
    session = await world.another_session()
    run = await world.submit(session=session)
    lost = await world.claim(run, lease=ENDED)
    taken_over = await world.claim(run, "w2")
    assert lost is not None
    assert taken_over is not None
    with pytest.raises(StaleGenerationError):
        await world.append(lost, called(30, 5))
    with contextlib.suppress(ZeroDivisionError):
        async with world.store.system_transaction() as uow:
            events = [NewEvent(step=1, payload=called(30, 5))]
            await uow.events.append(
                run.tenant_id, run.session_id, events, run_id=run.id, generation=taken_over.generation
            )
            raise ZeroDivisionError
    assert (await allowance(world, run)).today == Used()
    await world.append(taken_over, called(30, 5))
    assert (await allowance(world, run)).today == Used(tokens=40, cost_micros=5)


async def test_usage_of_days_long_gone_is_forgotten(world: World) -> None:
    claim = await begun(world)
    await end(world, claim, RunSucceeded(spent=Spent(tokens=10), usage=Usage()))
    day = timedelta(days=1)
    keeps = PurgeHistory(world.store, day, day)
    forgets = PurgeHistory(world.store, day, day, usage_kept=timedelta(days=-2))
    await keeps()
    assert (await allowance(world, claim.run)).today == Used(runs=1, tokens=10)
    await forgets()
    assert (await allowance(world, claim.run)).today == Used()


async def test_counting_costs_no_statement_of_its_own(world: World, sql_statements: list[str]) -> None:
    claim = await begun(world)
    counts = []
    for budget in (None, TenantBudget(tokens_per_session=9)):
        if budget is not None:
            await bound(world, budget)
        sql_statements.clear()
        await world.append(claim, StepStarted(), called(30, 5))
        counts.append(len(sql_statements))
    assert counts == [1, 1]


async def test_a_run_that_waited_its_turn_is_held_to_what_its_session_has_left_by_then(world: World) -> None:
    async with world.store.system_transaction() as uow:
        await uow.budgets.set_budget(world.tenant_id, TenantBudget(tokens_per_session=100, cost_micros_per_session=50))
    watch = WatchBudgets(world.store)
    first = await begun(world)
    session = await sessions_of(world, first.run)
    second = await world.submit(session=session)
    assert (await watch.limits(second)).tokens == 100
    await end(world, first, RunSucceeded(spent=Spent(tokens=60, cost_micros=50), usage=Usage()))
    held = await watch.limits(second)
    assert (held.tokens, held.cost_micros) == (40, 0)
    assert Spent().exhausted(held) == "cost_micros", "it ends before its first model call"


async def sessions_of(world: World, run: Run) -> Session:
    async with world.store.system_transaction() as uow:
        return await uow.sessions.get(world.tenant_id, run.session_id)


async def test_without_a_budget_a_run_s_limits_cost_one_look_per_tenant(
    world: World, sql_statements: list[str]
) -> None:
    watch = WatchBudgets(world.store)
    runs = [(await begun(world)).run for _ in range(3)]
    sql_statements.clear()
    assert [await watch.limits(run) for run in runs] == [run.limits for run in runs]
    assert sum("tenant_budgets" in statement for statement in sql_statements) == 1


async def test_another_attempt_of_a_call_is_no_further_call(world: World) -> None:
    claim = await begun(world)
    first = ToolCalled(call_id="c", name="t", arguments={})
    await world.append(claim, StepStarted(), first, first.model_copy(update={"attempt": 2}))
    async with world.store.system_transaction() as uow:
        assert (await uow.budgets.run_spending(claim.run)).spent.tool_calls == 1
