"""Cancelling all runs of a tenant: in bounded parts, and beside workers that go on meanwhile."""

import asyncio
from uuid import uuid4

import pytest
from approval_world import Desk
from store_world import new

from hortus_agents.events import ModelCalled, StepStarted
from hortus_agents.messages import Usage
from hortus_server.domain.budgets import TenantBudget
from hortus_server.services import stop_runs
from hortus_server.services.stop_runs import StopRuns

CALLED = ModelCalled(
    message_id=uuid4(), model="m", tool_mode="native", text="x", finish_reason="stop",
    usage=Usage(prompt_tokens=9), duration_ms=1.0, prompt_sha256="0",
)  # fmt: skip


@pytest.fixture
def desk(world):
    return Desk(world)


async def test_runs_are_asked_to_end_in_bounded_parts_oldest_first(desk):
    world = desk.world
    queued = [await world.submit(session=await world.another_session()) for _ in range(3)]
    running = await world.submit(session=await world.another_session())
    await world.claim(running)
    waiting = await desk.start()
    ended = await world.submit(session=await world.another_session())
    await world.finish(await world.claim(ended))
    async with world.store.system_transaction() as uow:
        parts = [await uow.run_stops.request_cancel_all(world.tenant_id, agent_id=None, reason="r", limit=3)]
        while (after := parts[-1].looked_to) is not None:
            parts.append(
                await uow.run_stops.request_cancel_all(world.tenant_id, agent_id=None, reason="r", after=after, limit=3)
            )
    assert [len(part.run_ids) for part in parts] == [3, 2, 0]
    marked = [run_id for part in parts for run_id in part.run_ids]
    assert marked == [run.id for run in (*queued, running, waiting)]
    for run_id in marked:
        assert (await world.run(run_id)).cancel_requested_at is not None
    assert (await world.run(ended.id)).cancel_requested_at is None


async def test_more_runs_than_one_part_are_all_cancelled(desk, monkeypatch):
    monkeypatch.setattr(stop_runs, "MARKED", 2)
    runs = [await desk.world.submit(session=await desk.world.another_session()) for _ in range(5)]
    stops = StopRuns(desk.world.store, desk.cancel_run, desk.decide_approval.waking)
    assert await stops.cancel_all(desk.world.tenant_id, agent_id=None, reason="unsafe") == 5
    assert {(await desk.world.run(run.id)).status for run in runs} == {"cancelled"}


SLOTS_SHARED = 17  # runs of which two count their usage in one row


async def test_cancelling_many_runs_and_counting_a_model_call_do_not_wait_for_each_other(desk):
    world = desk.world
    async with world.store.system_transaction() as uow:
        await uow.budgets.set_budget(world.tenant_id, TenantBudget(tokens_per_day=10**6))
    queued, running = await in_one_slot(world)
    claim = await world.claim(running)
    stops = StopRuns(world.store, desk.cancel_run, desk.decide_approval.waking)
    async with asyncio.timeout(20), asyncio.TaskGroup() as group, world.store.system_transaction() as uow:
        place = {"run_id": running.id, "generation": claim.generation}
        await uow.events.append(world.tenant_id, running.session_id, new(StepStarted()), **place)
        cancels = group.create_task(stops._cancel(world.tenant_id, [queued.id, running.id], reason="r"))
        await asyncio.sleep(0.2)
        await uow.events.append(world.tenant_id, running.session_id, new(CALLED), **place)
    assert [one.run.status for one in cancels.result()] == ["cancelled", "running"]


async def in_one_slot(world):
    seen = {}
    for _ in range(SLOTS_SHARED):
        run = await world.submit(session=await world.another_session())
        async with world.store.system_transaction() as uow:
            connection = uow.runs._sql._messages._connection
            found = await connection.execute("SELECT mod(abs(hashtext(%s)::bigint), 16)", [str(run.id)])
            (slot,) = await found.fetchone()
        if slot in seen:
            return seen[slot], run
        seen[slot] = run
    raise AssertionError
