"""Runs that do not get on: which rows show it, and how one is set going again."""

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

import pytest
from store_world import LEASE, PageOf, new

from hortus_agents.events import BudgetWarned, MessageRestarted, ModelCalled, RunWaiting, ToolCalled, WaitReason
from hortus_agents.messages import Usage
from hortus_server.adapters.postgres.presence import PostgresPresence
from hortus_server.domain.admission import TenantAdmission
from hortus_server.domain.errors import ConflictError, NotFoundError
from hortus_server.domain.stops import Reach
from hortus_server.domain.stuck import Patience, Surroundings, explain
from hortus_server.services.requeue_run import RequeueRun

AT_ONCE = Patience(*[timedelta(seconds=-1)] * 4)
NEVER = Patience(*[timedelta(days=9)] * 4)


@dataclass
class Heard:
    runs: list = field(default_factory=list)

    async def wake_run(self, run_id):
        self.runs.append(run_id)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def requeue(world, heard):
    return RequeueRun(world.store, heard)


@asynccontextmanager
async def living(settings, worker_id):
    async with PostgresPresence(settings).watch(worker_id):
        yield


async def silent(world, patience=AT_ONCE, **page):
    async with world.store.system_transaction() as uow:
        return await uow.stuck_runs.silent(world.tenant_id, patience, PageOf(**page))


async def causes(world, run, *, down=()):
    """What a look says of this run."""
    async with world.store.system_transaction() as uow:
        workers = await uow.stuck_runs.live_workers()
    (found,) = [one for one in (await silent(world)).items if one.id == run.id]
    return [reason.cause for reason in explain(found, Surroundings(workers, dict.fromkeys(down, "no answer")))]


async def park(world, claim, reason):
    run = claim.run
    async with world.store.system_transaction() as uow:
        await uow.events.append(
            run.tenant_id, run.session_id, new(RunWaiting(reason=reason)), run_id=run.id, generation=claim.generation
        )
        assert await uow.run_stops.park(run.tenant_id, run.id, claim.generation, reason=reason)


async def test_each_class_has_its_own_patience(world):
    queued = await world.submit()
    running = await world.submit(session=await world.another_session())
    await world.claim(running)
    waiting = await world.submit(session=await world.another_session())
    await park(world, await world.claim(waiting), WaitReason(kind="approval"))
    ended = await world.submit(session=await world.another_session())
    await world.finish(await world.claim(ended))
    assert [one.id for one in (await silent(world)).items] == [queued.id, running.id, waiting.id]
    assert (await silent(world, NEVER)).items == ()
    slow = timedelta(days=9)
    assert [one.id for one in (await silent(world, Patience(slow, timedelta(seconds=-1), slow, slow))).items] == [
        running.id
    ]
    assert [one.id for one in (await silent(world, Patience(slow, slow, timedelta(seconds=-1), slow))).items] == [
        waiting.id
    ]


async def test_pages_go_through_all_of_them(world):
    runs = [await world.submit(session=await world.another_session()) for _ in range(5)]
    seen, cursor = [], None
    while True:
        page = await silent(world, limit=2, cursor=cursor)
        seen += [one.id for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [run.id for run in runs]


async def test_a_queued_run_says_what_holds_it_back(world, database_settings):
    first, second = await world.submit(), await world.submit()
    assert await causes(world, first) == ["no_worker"]
    async with living(database_settings, "w1"):
        assert await causes(world, first) == ["workers_busy"]
        assert await causes(world, first, down=["broker"]) == ["broker_down"]
        assert await causes(world, second) == ["earlier_run"]
        await world.claim(first)
        (other,) = [await world.submit(session=await world.another_session())]
        async with world.store.system_transaction() as uow:
            await uow.admission.set(world.tenant_id, TenantAdmission(max_concurrent_runs=1))
            await uow.stop_orders.place(
                world.tenant_id, Reach.of_tenant(world.tenant_id), "pause", reason="lunch", placed_by="x"
            )
        assert await causes(world, other) == ["stop_order", "tenant_limit"]


async def test_a_running_run_says_who_holds_it(world, database_settings):
    run = await world.submit()
    claim = await world.claim(run, "w1")
    assert await causes(world, run) == ["worker_gone", "no_worker"]
    async with living(database_settings, "w1"):
        assert await causes(world, run) == ["lease_held"]
        assert await causes(world, run, down=["model"]) == ["model_down", "lease_held"]
        async with world.store.system_transaction() as uow:
            await uow.runs.release(run.tenant_id, run.id, claim.generation)
        assert await causes(world, run) == ["worker_gone"]


UNUSABLE = ModelCalled(
    message_id=uuid4(), model="m", tool_mode="constrained", text="{", finish_reason="stop", usage=Usage(),
    duration_ms=1.0, prompt_sha256="0",
)  # fmt: skip


@pytest.mark.parametrize(
    ("last", "blamed"),
    [
        (UNUSABLE, True),  # the model is asked again
        (BudgetWarned(limit="steps", used=4, bound=5), True),
        (MessageRestarted(message_id=uuid4(), reason="worker_lost"), True),
        (ToolCalled(call_id="c", name="t", arguments={}), False),
    ],
)
async def test_a_model_that_is_down_is_blamed_where_the_run_would_ask_it_next(world, database_settings, last, blamed):
    run = await world.submit()
    claim = await world.claim(run, "w1")
    await world.append(claim, last)
    async with living(database_settings, "w1"):
        assert await causes(world, run, down=["model"]) == [*["model_down"] * blamed, "lease_held"]


async def test_requeueing_a_queued_run_sends_its_wakeup_again(world, requeue, heard):
    run = await world.submit()
    assert (await requeue(world.tenant_id, run.id)).status == "queued"
    assert heard.runs == [run.id]


async def test_requeueing_ends_the_lease_of_a_worker_that_is_gone_and_fences_it_out(world, requeue, heard):
    run = await world.submit()
    await world.claim(run, "w1", lease=LEASE)
    await requeue(world.tenant_id, run.id)
    assert heard.runs == [run.id]
    taken = await world.claim(run, "w2")
    assert taken.generation == 2


async def test_a_living_worker_keeps_its_run_unless_forced(world, requeue, heard, database_settings):
    run = await world.submit()
    claim = await world.claim(run, "w1")
    async with living(database_settings, "w1"):
        with pytest.raises(ConflictError, match="worker w1 lives"):
            await requeue(world.tenant_id, run.id)
        assert heard.runs == []
        await requeue(world.tenant_id, run.id, force=True)
    async with world.store.system_transaction() as uow:
        (signal,) = await uow.runs.renew("w1", [(run.id, claim.generation)], lease=LEASE)
    assert not signal.owned
    assert heard.runs == [run.id]


async def test_ended_and_waiting_runs_and_those_of_others_are_not_requeued(world, other, requeue, heard):
    ended = await world.submit()
    await world.finish(await world.claim(ended))
    waiting = await world.submit()
    await park(world, await world.claim(waiting), WaitReason(kind="input"))
    with pytest.raises(ConflictError, match="has ended"):
        await requeue(world.tenant_id, ended.id)
    with pytest.raises(ConflictError, match="waits for: input"):
        await requeue(world.tenant_id, waiting.id)
    with pytest.raises(NotFoundError):
        await requeue(other.tenant_id, waiting.id)
    assert heard.runs == []


async def test_all_tenants_are_counted(world, other):
    await world.submit()
    await other.claim(await other.submit())
    async with world.store.system_transaction() as uow:
        assert await uow.stuck_runs.count(AT_ONCE) == {"queued": 1, "running": 1}
        assert await uow.stuck_runs.count(NEVER) == {}
