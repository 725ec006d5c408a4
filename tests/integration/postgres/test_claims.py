"""Who may work on a run: claims, leases, signals, endings."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from store_world import ENDED, LEASE, new, said, thought

from hortus_agents.events import RunBudgetExhausted, RunCancelled, RunFailed
from hortus_agents.limits import Spent
from hortus_server.domain.errors import InvalidInputError, NotFoundError, StaleGenerationError


async def renew(world, worker_id, *held, lease=LEASE):
    async with world.store.system_transaction() as uow:
        return await uow.runs.renew(worker_id, list(held), lease=lease)


async def end(world, run, payload, generation):
    async with world.store.system_transaction() as uow:
        events = await uow.events.append(
            run.tenant_id, run.session_id, new(payload), run_id=run.id, generation=generation
        )
        await uow.runs.finish(run.id, generation, event=events[-1])
    return await world.run(run.id)


async def test_one_of_twenty_claims_wins(world):
    run = await world.submit()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(world.claim(run, f"w{n}")) for n in range(20)]
    claims = [claim for task in tasks if (claim := task.result()) is not None]
    assert len(claims) == 1
    (claim,) = claims
    assert claim.generation == claim.run.generation == 1
    assert claim.spec == world.version.spec
    assert (claim.agent_name, claim.agent_version) == ("gardener", 1)
    assert claim.run.status == "running"
    assert claim.run.lease_until == claim.lease_until
    assert [event.type for event in await world.log()].count("run.started") == 1


async def test_the_second_run_of_a_session_waits_for_the_first(world):
    first, second = await world.submit(), await world.submit()
    assert await world.claim(second) is None
    claim = await world.claim(first)
    assert await world.claim(second) is None
    await world.finish(claim)
    assert await world.claim(second) is not None


async def test_a_run_starts_after_the_end_that_it_waited_for(world):
    first, second = await world.submit(), await world.submit()
    claim = await world.claim(first)
    async with world.store.system_transaction() as uow:
        assert await uow.runs.claim(second.id, worker_id="w2", lease=LEASE) is None
        await world.finish(claim)
        late = await uow.runs.claim(second.id, worker_id="w2", lease=LEASE)
    assert late.run.started_at >= (await world.run(first.id)).finished_at


async def test_sessions_do_not_wait_for_each_other(world):
    await world.submit()
    elsewhere = await world.submit(session=await world.another_session())
    assert await world.claim(elsewhere) is not None


async def test_an_expired_lease_can_be_taken_over_and_a_live_one_not(world):
    run = await world.submit()
    first = await world.claim(run, "w1", lease=ENDED)
    second = await world.claim(run, "w2")
    assert second.generation == 2
    assert second.run.worker_id == "w2"
    assert second.run.started_at == first.run.started_at
    assert await world.claim(run, "w3") is None


async def test_a_run_that_is_to_be_cancelled_can_be_claimed(world):
    run = await world.submit()
    async with world.store.system_transaction() as uow:
        await uow.runs.request_cancel(world.tenant_id, run.id, reason="enough")
    claim = await world.claim(run)
    assert claim.run.cancel_requested_at is not None


async def test_no_claim_on_what_does_not_exist_or_has_ended(world):
    claim = await world.claim(await world.submit())
    await world.finish(claim)
    assert await world.claim(claim.run) is None
    async with world.store.system_transaction() as uow:
        assert await uow.runs.claim(uuid4(), worker_id="w", lease=LEASE) is None


async def test_signals_come_in_order_and_tell_of_loss_and_cancellation(world):
    kept = await world.claim(await world.submit())
    lost = await world.claim(await world.submit(session=await world.another_session()), lease=ENDED)
    stopped = await world.claim(await world.submit(session=await world.another_session()))
    assert (await world.claim(lost.run, "w2")).generation == 2
    async with world.store.system_transaction() as uow:
        await uow.runs.request_cancel(world.tenant_id, stopped.run.id, reason="enough")
        await uow.runs.request_cancel(world.tenant_id, stopped.run.id, reason="once more")
    missing = uuid4()
    held = [(stopped.run.id, 1), (missing, 1), (lost.run.id, 1), (kept.run.id, 1)]
    signals = await renew(world, "w1", *held)
    assert [(s.run_id, s.generation) for s in signals] == held
    assert [s.owned for s in signals] == [True, False, False, True]
    assert [s.cancel_requested for s in signals] == [True, False, False, False]
    assert signals[0].cancel_reason == "enough"
    assert await renew(world, "w1") == ()


async def test_a_heartbeat_writes_only_once_a_third_of_the_lease_is_used_up(world):
    run = await world.submit()
    claim = await world.claim(run)
    await renew(world, "w1", (run.id, 1))
    assert (await world.run(run.id)).lease_until == claim.lease_until
    longer = LEASE * 2
    await renew(world, "w1", (run.id, 1), lease=longer)
    assert (await world.run(run.id)).lease_until > claim.lease_until + LEASE / 2


async def test_a_heartbeat_of_another_worker_extends_nothing(world):
    run = await world.submit()
    claim = await world.claim(run)
    (signal,) = await renew(world, "w2", (run.id, 1), lease=LEASE * 4)
    assert not signal.owned
    assert (await world.run(run.id)).lease_until == claim.lease_until


async def test_an_expired_lease_that_nobody_took_is_still_the_workers(world):
    run = await world.submit()
    await world.claim(run, lease=ENDED)
    (signal,) = await renew(world, "w1", (run.id, 1))
    assert signal.owned
    assert await world.claim(run, "w2") is None


async def test_a_released_run_is_free_at_once_and_no_heartbeat_takes_it_back(world):
    run = await world.submit()
    await world.claim(run)
    async with world.store.system_transaction() as uow:
        assert await uow.runs.release(run.tenant_id, run.id, 1)
    (signal,) = await renew(world, "w1", (run.id, 1))
    assert not signal.owned
    assert (await world.claim(run, "w2")).generation == 2
    async with world.store.system_transaction() as uow:
        assert not await uow.runs.release(run.tenant_id, run.id, 1)


async def test_success_projects_answer_tokens_and_time(world):
    run = await world.submit()
    claim = await world.claim(run)
    event = await world.finish(claim, "42")
    ended = await world.run(run.id)
    assert (ended.status, ended.output, ended.total_tokens) == ("succeeded", "42", 7)
    assert ended.finished_at == event.at
    assert ended.lease_until is None
    assert ended.error_code is None


async def test_failure_projects_code_and_message(world):
    run = await world.submit()
    claim = await world.claim(run)
    ended = await end(
        world, run, RunFailed(code="model_error", message="boom", spent=Spent(tokens=3)), claim.generation
    )
    assert (ended.status, ended.error_code, ended.error_message) == ("failed", "model_error", "boom")
    assert (ended.output, ended.total_tokens) == (None, 3)


async def test_an_exhausted_budget_keeps_the_partial_output(world):
    run = await world.submit()
    claim = await world.claim(run)
    payload = RunBudgetExhausted(limit="steps", spent=Spent(tokens=9), partial_output="so far")
    ended = await end(world, run, payload, claim.generation)
    assert (ended.status, ended.output, ended.error_code) == ("budget_exhausted", "so far", "budget_exhausted")


async def test_a_cancelled_run_counts_its_tokens_from_the_log_and_is_no_error(world):
    run = await world.submit()
    claim = await world.claim(run)
    await world.append(claim, thought(prompt_tokens=10, completion_tokens=4), thought())
    ended = await end(world, run, RunCancelled(reason="enough", partial_output="half"), claim.generation)
    assert (ended.status, ended.output, ended.error_code, ended.total_tokens) == ("cancelled", "half", None, 21)


async def test_a_queued_run_can_end_without_a_worker_but_a_claimed_one_cannot(world):
    run = await world.submit()
    assert (await end(world, run, RunCancelled(reason="never mind"), None)).status == "cancelled"
    assert await world.claim(run) is None
    claimed = await world.submit()
    await world.claim(claimed)
    with pytest.raises(StaleGenerationError):
        await end(world, claimed, RunCancelled(reason="too late"), None)
    assert (await world.run(claimed.id)).status == "running"


async def test_only_a_terminal_event_of_the_same_run_ends_a_run(world):
    run = await world.submit()
    claim = await world.claim(run)
    (event,) = await world.append(claim, said("not an end"))
    async with world.store.system_transaction() as uow:
        with pytest.raises(InvalidInputError):
            await uow.runs.finish(run.id, 1, event=event)
        with pytest.raises(InvalidInputError):
            await uow.runs.finish(uuid4(), 1, event=event)


async def test_cancel_is_idempotent_and_leaves_an_ended_run_alone(world):
    claim = await world.claim(await world.submit())
    async with world.store.system_transaction() as uow:
        first = await uow.runs.request_cancel(world.tenant_id, claim.run.id, reason="a")
    async with world.store.system_transaction() as uow:
        second = await uow.runs.request_cancel(world.tenant_id, claim.run.id, reason="b")
    assert first.cancel_requested_at == second.cancel_requested_at is not None
    done = await world.claim(await world.submit(session=await world.another_session()))
    await world.finish(done)
    async with world.store.system_transaction() as uow:
        left = await uow.runs.request_cancel(world.tenant_id, done.run.id, reason="late")
        assert (left.status, left.cancel_requested_at) == ("succeeded", None)
        with pytest.raises(NotFoundError):
            await uow.runs.request_cancel(world.tenant_id, uuid4(), reason="?")


async def test_steps_are_folded_from_events(world):
    run = await world.submit()
    claim = await world.claim(run)
    await world.append(claim, thought(), step=1)
    await world.append(claim, thought(), thought(prompt_tokens=1, completion_tokens=1), step=2)
    async with world.store.system_transaction() as uow:
        steps = await uow.runs.steps(world.tenant_id, run.id)
    assert [(s.step, s.model_calls, s.tool_calls, s.prompt_tokens, s.completion_tokens) for s in steps] == [
        (1, 1, 0, 5, 2),
        (2, 2, 0, 6, 3),
    ]
    assert steps[0].started_at <= steps[0].finished_at <= steps[1].started_at


async def test_statement_counts_of_a_one_step_run(world, sql_statements):
    """Three commits: submit, claim with run.started, answer with end."""
    run = await world.submit()
    assert len(sql_statements) == 2
    sql_statements.clear()
    claim = await world.claim(run)
    assert len(sql_statements) == 2
    sql_statements.clear()
    await world.finish(claim)
    assert len(sql_statements) == 2


async def test_lease_lengths_are_taken_as_given(world):
    run = await world.submit()
    claim = await world.claim(run, lease=timedelta(minutes=5))
    assert timedelta(minutes=4) < claim.lease_until - claim.run.started_at <= timedelta(minutes=5)
