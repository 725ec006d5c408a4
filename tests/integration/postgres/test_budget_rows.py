import asyncio
from uuid import uuid4

from store_world import World

from hortus_agents.events import (
    ModelCalled,
    NewEvent,
    RunBudgetExhausted,
    RunCancelled,
    RunSucceeded,
    StepStarted,
    ToolCalled,
)
from hortus_agents.limits import LimitName, Spent
from hortus_agents.messages import Usage
from hortus_server.domain.budgets import Allowance, TenantBudget
from hortus_server.domain.budgets import Usage as Used
from hortus_server.domain.records import Claim, Run, Session
from hortus_server.services.watch_budgets import FRESH_S, WatchBudgets


def called(prompt: int, cost: int) -> ModelCalled:
    return ModelCalled(
        message_id=uuid4(), model="m", tool_mode="native", text="x", finish_reason="stop",
        usage=Usage(prompt_tokens=prompt, completion_tokens=10), duration_ms=1.0, prompt_sha256="0", cost_micros=cost,
    )  # fmt: skip


async def end(world: World, claim: Claim, *payloads: object) -> Run:
    run = claim.run
    events = [NewEvent(step=1, payload=payload) for payload in payloads]
    async with world.store.transaction() as uow:
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
    async with world.store.transaction() as uow:
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
    async with world.store.transaction() as uow:
        await uow.budgets.set_budget(world.tenant_id, TenantBudget(tokens_per_day=5, tokens_per_session=2))
        await uow.budgets.set_budget(world.tenant_id, TenantBudget(cost_micros_per_day=9))
        assert (await uow.budgets.allowance(world.tenant_id)).budget == TenantBudget(cost_micros_per_day=9)


async def test_what_a_run_has_used_is_known_while_it_is_under_way_and_its_end_may_know_more(world: World) -> None:
    claim = await begun(world)
    async with world.store.transaction() as uow:
        events = [NewEvent(step=1, payload=payload) for payload in (StepStarted(), called(30, 5))]
        run = claim.run
        await uow.events.append(run.tenant_id, run.session_id, events, run_id=run.id, generation=claim.generation)
        spending = await uow.budgets.run_spending(run)
    assert spending.spent == Spent(steps=1, model_calls=1, tokens=40, cost_micros=5)
    cut = Spent(steps=1, model_calls=2, tokens=55, cost_micros=6)
    run = await end(world, claim, RunBudgetExhausted(limit="tokens", spent=cut))
    async with world.store.transaction() as uow:
        assert (await uow.budgets.run_spending(run)).spent == cut


async def test_a_worker_looks_at_a_tenants_day_once_in_a_while(world: World) -> None:
    now = 0.0
    watch = WatchBudgets(world.store, monotonic=lambda: now)
    async with world.store.transaction() as uow:
        await uow.budgets.set_budget(world.tenant_id, TenantBudget(tokens_per_day=100))
    seen: list[LimitName | None] = [await watch(world.tenant_id)]
    await end(world, await begun(world), RunSucceeded(spent=Spent(tokens=100), usage=Usage()))
    seen.append(await watch(world.tenant_id))
    now = FRESH_S
    seen.append(await watch(world.tenant_id))
    assert seen == [None, None, "tokens_per_day"]


async def test_a_run_that_waited_its_turn_is_held_to_what_its_session_has_left_by_then(world: World) -> None:
    async with world.store.transaction() as uow:
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
    async with world.store.transaction() as uow:
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
    async with world.store.transaction() as uow:
        assert (await uow.budgets.run_spending(claim.run)).spent.tool_calls == 1
