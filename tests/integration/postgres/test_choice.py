"""Which run a worker takes when several wait, over rows."""

import asyncio
import random
from collections import Counter
from datetime import timedelta

import pytest
from store_world import LEASE, make_world

from hortus_agents.events import WaitReason
from hortus_server.domain.admission import FairShare, TenantAdmission
from hortus_server.domain.stops import Reach
from hortus_server.services.choose_run import ChooseRun, Turn


class Worker:
    """Takes runs as a worker does."""

    def __init__(self, store, *, name="w1", batch_share=0.0, seed=1) -> None:
        self.store = store
        self.choice = ChooseRun(FairShare(batch_share, random.Random(seed).random), name, LEASE)

    async def take(self, run):
        turn = Turn()
        while not turn.over:
            async with self.store.system_transaction() as uow:
                taken = await self.choice.take(uow, run.id, turn)
            claim = taken and taken.claim.result()
            if claim is not None:
                return claim
        return None


@pytest.fixture
def worker(store) -> Worker:
    return Worker(store)


async def many(world, count, **more):
    return [await world.submit(session=await world.another_session(), **more) for _ in range(count)]


async def limit(world, **admission):
    async with world.store.system_transaction() as uow:
        await uow.admission.set(world.tenant_id, TenantAdmission(**admission))


async def test_alone_a_wakeup_takes_the_run_that_it_names(world, worker):
    first, second = await many(world, 2)
    assert (await worker.take(second)).run.id == second.id
    assert (await worker.take(first)).run.id == first.id
    assert await worker.take(first) is None


async def test_backlogs_are_taken_by_weight(world, other, worker):
    await limit(world, weight=3)
    heavy, light = await many(world, 40), await many(other, 40)
    taken = [(await worker.take(run)).run.tenant_id for run in (light + heavy)[:40]]
    assert Counter(taken)[world.tenant_id] in range(29, 32)


async def test_a_long_queue_does_not_delay_another_tenants_run(world, other, worker):
    queue = await many(world, 100)
    for run in queue[:10]:
        await worker.take(run)
    single = await other.submit()
    taken = [(await worker.take(run)).run.id for run in queue[:2]]
    assert single.id in taken


async def test_interactive_runs_go_before_batch_and_oldest_first(world, other, worker):
    bulk = await many(world, 2, priority="batch")
    first, second = await many(world, 2)
    await many(other, 1, priority="batch")
    taken = [(await worker.take(bulk[0])).run.id for _ in range(3)]
    assert taken[:2] == [first.id, second.id]


async def test_batch_has_a_share_though_interactive_runs_never_end(world, store):
    bulk = await many(world, 5, priority="batch")
    await many(world, 60)
    worker = Worker(store, batch_share=0.25)
    taken = Counter([(await worker.take(bulk[0])).run.priority for _ in range(20)])
    assert taken["batch"] in range(2, 6)


async def test_a_run_that_comes_back_goes_before_new_ones(world, other, worker):
    (waited,) = await many(world, 1)
    claim = await worker.take(waited)
    new = await many(other, 1)
    async with world.store.system_transaction() as uow:
        await uow.run_stops.request_pause(waited.tenant_id, waited.id, reason="x")
        assert await uow.run_stops.park(waited.tenant_id, waited.id, claim.generation, reason=WaitReason(kind="paused"))
        await uow.run_stops.drop_pause(waited.tenant_id, waited.id)
        await uow.run_stops.wake(waited.tenant_id, waited.id)
    assert (await worker.take(new[0])).run.id == waited.id
    assert (await worker.take(waited)).run.id == new[0].id


async def test_a_lost_workers_run_is_taken_though_others_wait(world, other, worker):
    (lost,) = await many(world, 1)
    claim = await worker.take(lost)
    await many(other, 1)
    async with world.store.system_transaction() as uow:
        await uow.runs.release(lost.tenant_id, lost.id, claim.generation)
    assert (await worker.take(lost)).generation == 2


async def test_limits_hold_however_many_claim_at_once(world, other, store):
    await limit(world, max_concurrent_runs=3)
    runs = await many(world, 12) + await many(other, 2)
    workers = [Worker(store, name=f"w{number}", seed=number) for number in range(14)]
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        tasks = [group.create_task(worker.take(run)) for worker, run in zip(workers, runs, strict=True)]
    taken = Counter(task.result().run.tenant_id for task in tasks if task.result() is not None)
    assert taken == {world.tenant_id: 3, other.tenant_id: 2}


async def test_a_place_that_is_free_again_wakes_a_run_of_the_tenant(world, worker):
    await limit(world, max_concurrent_runs=1)
    first, second = await many(world, 2)
    claim = await worker.take(first)
    assert await worker.take(second) is None
    await world.finish(claim)
    async with world.store.system_transaction() as uow:
        assert await uow.wakeups.next_queued(first.session_id) == second.id
    assert (await worker.take(second)).run.id == second.id


async def test_the_reaper_leaves_tenants_at_their_limit_alone(world, other, worker):
    await limit(world, max_concurrent_runs=1)
    first, _ = await many(world, 2)
    await worker.take(first)
    (free,) = await many(other, 1)
    async with world.store.system_transaction() as uow:
        assert await uow.wakeups.due_runs(older_than=timedelta(0), limit=9) == (free.id,)


async def test_a_session_with_a_long_queue_shows_its_first_alone(world, other, worker):
    queue = [await world.submit() for _ in range(3)]
    (elsewhere,) = await many(other, 1)
    async with world.store.system_transaction() as uow:
        assert await uow.admission.ready(world.tenant_id, limit=9) == (queue[0].id,)
    claims = [await worker.take(elsewhere) for _ in range(3)]
    assert {claim.run.id for claim in claims if claim} == {queue[0].id, elsewhere.id}
    claim = next(claim for claim in claims if claim and claim.run.id == queue[0].id)
    await world.finish(claim)
    async with world.store.system_transaction() as uow:
        assert await uow.wakeups.next_queued(world.session.id) == queue[1].id
    async with world.store.system_transaction() as uow:
        assert await uow.admission.ready(world.tenant_id, limit=9) == (queue[1].id,)


async def test_a_paused_tenant_is_passed_over(world, other, worker):
    await many(world, 1)
    (free,) = await many(other, 1)
    async with world.store.system_transaction() as uow:
        await uow.stop_orders.place(
            world.tenant_id, Reach.of_tenant(world.tenant_id), "pause", reason="lunch", placed_by="x"
        )
    assert (await worker.take(free)).run.id == free.id
    assert await worker.take(free) is None


async def test_more_tenants_than_one_look_holds_all_get_their_turn(store, monkeypatch):
    monkeypatch.setattr("hortus_server.services.choose_run.LOOKED_AT", 2)
    worlds = [await make_world(store, f"tenant-{number}") for number in range(5)]
    runs = [(await many(world, 3)) for world in worlds]
    worker = Worker(store)
    taken = Counter([(await worker.take(runs[0][0])).run.tenant_id for _ in range(10)])
    assert len(taken) == 5


async def test_weights_and_limits_are_kept_and_counted(world):
    await limit(world, weight=5, max_queued_runs=2)
    await many(world, 3)
    async with world.store.system_transaction() as uow:
        assert await uow.admission.get(world.tenant_id) == TenantAdmission(5, None, 2)
        depth = await uow.admission.depth(world.tenant_id, otherwise=9)
        load = await uow.admission.load(world.tenant_id, at_most=10)
    assert (depth.queued, depth.most) == (2, 2)
    assert (load.running, load.queued) == (0, 3)
