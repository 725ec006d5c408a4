"""Stops as rows: what waits costs nothing, and what is held is neither claimed nor woken."""

import asyncio
import time
from datetime import timedelta
from uuid import uuid4

import pytest
from store_world import new, said

from hortus_agents.events import RunWaiting, WaitReason
from hortus_server.domain.stops import Reach
from hortus_server.services import stop_runs
from hortus_server.services.cancel_run import CancelRun
from hortus_server.services.pause_run import PauseRun
from hortus_server.services.stop_runs import StopRuns
from hortus_server.services.wake_waiting import WakeWaiting

MANY = 10_000


class Nobody:
    """A broker behind which nobody listens."""

    async def publish_events(self, _tenant_id, session_id, events):
        """Nobody hears it."""

    async def wake_run(self, run_id):
        """Nobody wakes."""


async def bulk(store, statement, **parameters):
    async with store._pool.connection() as connection:
        await connection.execute(statement, parameters)


async def test_ten_thousand_waiting_runs_cost_the_reaper_and_heartbeats_nothing(world):
    run = await world.submit()
    await bulk(
        world.store,
        """
        INSERT INTO sessions (id, tenant_id, agent_id, title, metadata)
        SELECT ('10000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, s.tenant_id, s.agent_id, '', '{}'
        FROM sessions AS s, generate_series(1, %(many)s) AS n WHERE s.id = %(session)s
        """,
        many=MANY,
        session=world.session.id,
    )
    await bulk(
        world.store,
        """
        INSERT INTO runs (id, tenant_id, session_id, agent_id, agent_version_id, status, queued_seq, limits,
            waiting_for, generation, started_at, woken_at)
        SELECT s.id, r.tenant_id, s.id, r.agent_id, r.agent_version_id, 'waiting', 3, r.limits,
            '{"kind": "approval", "detail": "", "ref_id": null}', 1, now(), now() - interval '1 hour'
        FROM runs AS r, sessions AS s WHERE r.id = %(run)s AND s.id <> r.session_id
        """,
        run=run.id,
    )
    await bulk(world.store, "ANALYZE runs")
    claim = await world.claim(run)
    took = []
    for _ in range(20):
        began = time.perf_counter()
        async with world.store.system_transaction() as uow:
            assert await uow.wakeups.due_runs(older_than=timedelta(0), limit=256) == ()
            (signal,) = await uow.runs.renew("w1", [(run.id, claim.generation)], lease=timedelta(seconds=30))
        took.append(time.perf_counter() - began)
        assert signal.owned
    assert sorted(took)[len(took) // 2] < 0.05, took


@pytest.mark.parametrize("scope", ["agent", "tenant", "all"])
@pytest.mark.parametrize("kind", ["pause", "freeze"])
async def test_what_an_order_holds_is_neither_claimed_nor_woken_until_it_is_lifted(world, scope, kind):
    reach = {
        "agent": Reach.of_agent(world.agent.id),
        "tenant": Reach.of_tenant(world.tenant_id),
        "all": Reach.of_all(),
    }[scope]
    run = await world.submit()
    async with world.store.system_transaction() as uow:
        await uow.stop_orders.place(world.tenant_id, reach, kind, reason="stop", placed_by="test")
    assert await world.claim(run) is None
    async with world.store.system_transaction() as uow:
        assert await uow.wakeups.due_runs(older_than=timedelta(0), limit=9) == ()
        await uow.stop_orders.lift(world.tenant_id, reach, kind, lifted_by="test")
    async with world.store.system_transaction() as uow:
        assert await uow.wakeups.due_runs(older_than=timedelta(0), limit=9) == (run.id,)
    assert await world.claim(run) is not None


async def test_a_held_run_that_is_cancelled_is_taken_to_be_ended(world):
    run = await world.submit()
    async with world.store.system_transaction() as uow:
        await uow.stop_orders.place(world.tenant_id, Reach.of_all(), "freeze", reason="stop", placed_by="test")
        await uow.runs.request_cancel(world.tenant_id, run.id, reason="enough")
    assert await world.claim(run) is not None


async def test_heartbeats_tell_of_pauses_before_freezes_and_a_freeze_spares_runs_under_way(world):
    run = await world.submit()
    claim = await world.claim(run)

    async def signal():
        async with world.store.system_transaction() as uow:
            (found,) = await uow.runs.renew("w1", [(run.id, claim.generation)], lease=timedelta(seconds=30))
            alone = await uow.run_stops.signal(run.id, claim.generation, worker_id="w1")
        assert found == alone, "both statements tell the same"
        return found

    assert (await signal()).pause_reason is None
    async with world.store.system_transaction() as uow:
        frozen = await uow.stop_orders.place(world.tenant_id, Reach.of_all(), "freeze", reason="F", placed_by="test")
    assert ((await signal()).freeze_reason, (await signal()).order_id) == ("F", frozen.id)
    async with world.store.system_transaction() as uow:
        await uow.stop_orders.place(
            world.tenant_id, Reach.of_agent(world.agent.id), "pause", reason="P", placed_by="test"
        )
    assert ((await signal()).pause_reason, (await signal()).freeze_reason) == ("P", None)
    async with world.store.system_transaction() as uow:
        await uow.run_stops.request_pause(run.tenant_id, run.id, reason="R")
    assert ((await signal()).pause_reason, (await signal()).order_id) == ("R", None)


async def test_a_run_is_not_parked_once_its_stop_was_taken_back(world):
    run = await world.submit()
    claim = await world.claim(run)
    paused, asked = WaitReason(kind="paused"), WaitReason(kind="approval", ref_id=uuid4())
    async with world.store.system_transaction() as uow:
        assert not await uow.run_stops.park(run.tenant_id, run.id, claim.generation, reason=paused)
        assert not await uow.run_stops.park(run.tenant_id, run.id, claim.generation + 1, reason=asked)
        assert await uow.run_stops.park(run.tenant_id, run.id, claim.generation, reason=asked), (
            "other waits need no stop"
        )
    assert (await world.run(run.id)).waiting_for == asked
    assert await world.claim(run) is None
    async with world.store.system_transaction() as uow:
        assert await uow.run_stops.wake(run.tenant_id, run.id)
        assert not await uow.run_stops.wake(run.tenant_id, run.id)
    assert (await world.claim(run)).generation == 2


async def test_a_zombie_cannot_park_or_write_after_its_run_waits(world):
    run = await world.submit()
    claim = await world.claim(run)
    waiting = RunWaiting(reason=WaitReason(kind="approval"))
    await world.append(claim, waiting)
    async with world.store.system_transaction() as uow:
        assert await uow.run_stops.park(run.tenant_id, run.id, claim.generation, reason=waiting.reason)
        assert not await uow.run_stops.park(run.tenant_id, run.id, claim.generation, reason=waiting.reason)
        (signal,) = await uow.runs.renew("w1", [(run.id, claim.generation)], lease=timedelta(seconds=30))
    assert not signal.owned


async def test_a_run_that_waits_although_it_was_cancelled_is_queued_by_the_reaper_and_ends(world):
    """A worker parked it in the very moment of the cancellation, or the process that was to end it died."""
    run = await world.submit()
    claim = await world.claim(run)
    waiting = RunWaiting(reason=WaitReason(kind="approval", detail="may it?"))
    await world.append(claim, waiting)
    async with world.store.system_transaction() as uow:
        assert (await uow.runs.request_cancel(run.tenant_id, run.id, reason="enough")).status == "running"
        assert await uow.run_stops.park(run.tenant_id, run.id, claim.generation, reason=waiting.reason)
    async with world.store.system_transaction() as uow:
        assert await uow.wakeups.due_runs(older_than=timedelta(hours=1), limit=9) == ()
        assert await uow.wakeups.due_runs(older_than=timedelta(0), limit=9) == (run.id,)
    again = await world.claim(run, "w2")
    assert (again.run.status, again.run.waiting_for) == ("running", None)
    assert again.run.cancel_requested_at is not None


async def test_a_run_that_is_cancelled_is_not_parked_by_a_pause(world):
    run = await world.submit()
    async with world.store.system_transaction() as uow:
        await uow.runs.request_cancel(run.tenant_id, run.id, reason="enough")
    paused = await PauseRun(world.store, Nobody())(run.tenant_id, run.id, reason="lunch")
    assert (paused.status, paused.waiting_for) == ("queued", None)
    async with world.store.system_transaction() as uow:
        assert await uow.wakeups.due_runs(older_than=timedelta(0), limit=9) == (run.id,)


async def test_a_batch_of_cancellations_waits_for_a_run_before_it_holds_the_session(world, monkeypatch):
    """Somebody who has one of its runs wants the session's row next, as a pause does."""
    monkeypatch.setattr(stop_runs, "BATCH", 2)
    runs = [await world.submit() for _ in range(4)]
    first_batch, has_last = asyncio.Event(), asyncio.Event()

    class Reader(Nobody):
        async def publish_events(self, _tenant_id, session_id, events):
            first_batch.set()
            await has_last.wait()

    async def decide_about_the_last():
        await first_batch.wait()
        async with world.store.system_transaction() as uow:
            await uow.run_stops.lock(world.tenant_id, runs[3].id)
            has_last.set()
            await somebody_waits_for_a_lock(world.store)
            await uow.events.append(world.tenant_id, world.session.id, new(said("by hand")))

    stops = StopRuns(world.store, CancelRun(world.store, Nobody(), Reader()), WakeWaiting(Nobody(), Nobody()))
    async with asyncio.timeout(15), asyncio.TaskGroup() as tasks:
        tasks.create_task(decide_about_the_last())
        tasks.create_task(stops.cancel_all(world.tenant_id, agent_id=None, reason="enough"))
    assert {(await world.run(run.id)).status for run in runs} == {"cancelled"}


async def somebody_waits_for_a_lock(store):
    blocked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with store._pool.connection() as connection:
        while (await (await connection.execute(blocked)).fetchone())[0] == 0:
            await asyncio.sleep(0.02)
