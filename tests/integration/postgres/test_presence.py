"""The death of a worker, as PostgreSQL tells of it: a lock that goes with its session."""

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import psycopg
import pytest
from store_world import LEASE

from hortus_server.adapters.postgres.presence import PostgresPresence
from hortus_server.domain.errors import ConflictError, UnavailableError
from hortus_server.ports.presence import Sight
from hortus_server.services import watch_workers
from hortus_server.services.watch_workers import WatchWorkers


@dataclass
class Wakeups:
    runs: list = field(default_factory=list)

    async def wake_run(self, run_id):
        self.runs.append(run_id)


@pytest.fixture
def presence(database_settings) -> PostgresPresence:
    return PostgresPresence(database_settings)


@asynccontextmanager
async def dying(presence, worker_id):
    """A worker that is present in the block and ends without a word, as a killed process does."""

    with suppress(ZeroDivisionError):
        async with presence.watch(worker_id) as watch:
            yield watch
            _ = 1 / 0


async def hang_up(settings, application_name="hortus-presence"):
    """What a broken network does to the connections of all watchers."""
    async with await psycopg.AsyncConnection.connect(settings.url.get_secret_value(), autocommit=True) as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = %s AND datname = current_database()",
            [application_name],
        )


async def eventually(condition):
    async with asyncio.timeout(60):
        while not await condition():
            await asyncio.sleep(0.02)


async def test_only_a_worker_whose_session_ended_is_gone(presence):
    async with presence.watch("a") as watch, presence.watch("b"):
        assert (await watch.look()).gone == ()
        async with dying(presence, "c"):
            assert await watch.look() == seen(2)

        async def noticed():
            return await watch.look() == seen(2, "c")

        await eventually(noticed)


def seen(others, *gone):

    return Sight(others, gone)


async def test_the_dead_are_buried_once_and_their_leases_end(presence, world):
    mine, theirs = await world.submit(), await world.submit(session=await world.another_session())
    async with presence.watch("a") as one, presence.watch(None) as two:
        async with dying(presence, "dead"):
            await world.claim(mine, "dead")
            await world.claim(theirs, "a")
        buried = await asyncio.gather(one.bury(["dead", "a"]), two.bury(["dead", "a"]))
        assert sorted(len(runs) for runs in buried) == [0, 1], "the living keep theirs"
        assert [run for runs in buried for run in runs] == [mine.id]
        assert (await one.look()).others == 0
    taken = await world.claim(mine, "a")
    assert taken is not None
    assert taken.generation == 2
    assert await world.claim(theirs, "b") is None


async def test_a_claim_that_is_committed_after_the_death_is_not_left_to_its_lease(presence, world):
    held, run = await world.submit(), await world.submit(session=await world.another_session())
    async with presence.watch("a") as watch:
        async with dying(presence, "dead"):
            await world.claim(held, "dead")

        async def noticed():
            return await watch.look() == seen(1, "dead")

        await eventually(noticed)
        async with world.store.system_transaction() as uow:
            assert await uow.runs.claim(run.id, worker_id="dead", lease=LEASE) is not None
            assert await watch.bury(["dead"]) == (held.id,)  # the COMMIT of the other may be on its way
        assert await watch.look() == seen(1, "dead")
        assert await watch.bury(["dead"]) == (run.id,)
    assert (await world.claim(run, "a")).generation == 2


async def test_a_name_is_held_by_one_process(presence):
    async with presence.watch("a"):
        with pytest.raises(ConflictError):
            async with presence.watch("a"):
                pass


async def test_waiting_notices_that_the_connection_broke(presence, database_settings):
    async with presence.watch(None) as watch:
        waiting = asyncio.create_task(watch.rest(60))
        await asyncio.sleep(0.05)
        await hang_up(database_settings)
        with pytest.raises(UnavailableError):
            await asyncio.wait_for(waiting, 50)


async def test_an_orderly_end_leaves_nothing_to_notice(presence, world):
    async with presence.watch(None) as watch:
        async with WatchWorkers(presence, Wakeups(), "a", interval_s=0.05).watching():
            assert (await watch.look()).others == 1
        assert (await watch.look()).others == 0


async def test_a_killed_workers_run_is_woken_within_moments(presence, world):
    wakeups = Wakeups()
    run = await world.submit()
    async with WatchWorkers(presence, wakeups, "a", interval_s=0.1).watching():
        await asyncio.sleep(watch_workers.FIRST_CALM_S)
        async with dying(presence, "dead"):
            await world.claim(run, "dead")
        before = asyncio.get_running_loop().time()
        await eventually(lambda: asyncio.sleep(0, wakeups.runs == [run.id]))
        assert asyncio.get_running_loop().time() - before < 10


async def test_a_process_of_the_same_name_frees_what_its_predecessor_held(presence, world):
    wakeups = Wakeups()
    run = await world.submit()
    await world.claim(run, "a")
    async with WatchWorkers(presence, wakeups, "a", interval_s=0.1).watching():
        assert wakeups.runs == [run.id]


async def test_an_outage_of_all_connections_costs_no_living_worker_its_runs(presence, world, database_settings):
    wakeups = Wakeups()
    run = await world.submit()
    one, two = (WatchWorkers(presence, wakeups, name, interval_s=0.05) for name in ("a", "b"))
    async with one.watching(), two.watching(), presence.watch(None) as third:
        await world.claim(run, "a")
        await asyncio.sleep(watch_workers.FIRST_CALM_S)
        for _ in range(3):
            await hang_up(database_settings)
            with pytest.raises(UnavailableError):
                await third.look()
            async with presence.watch(None) as fresh:

                async def all_back(fresh=fresh):
                    sight = await fresh.look()
                    return sight.others == 2 and not sight.gone

                await eventually(all_back)
        assert wakeups.runs == []
        assert await world.claim(run, "b") is None, "the lease stands"


async def test_queued_runs_are_told_of_again_when_a_worker_died(presence, world):
    """Their wake-ups may have lain with the dead; what is held or not first of its session is left alone."""
    queued = [await world.submit(session=await world.another_session()) for _ in range(2)]
    running = await world.submit()
    behind = await world.submit()
    async with presence.watch("a") as one, presence.watch(None) as two:
        async with dying(presence, "dead"):
            await world.claim(running, "a")
            async with world.store.system_transaction() as uow:
                assert await uow.wakeups.next_queued(behind.session_id) is None
            async with world.store._pool.connection() as connection:
                await connection.execute("UPDATE runs SET ready = false WHERE id = %s", (behind.id,))
        buried = await asyncio.gather(one.bury(["dead"]), two.bury(["dead"]))
        assert sorted(sorted(runs) for runs in buried) == [[], sorted(run.id for run in queued)]
        assert await one.bury(["dead"]) == (), "a death is told of once"
    assert (await world.run(queued[0].id)).lease_until is None
    assert (await world.run(running.id)).worker_id == "a"


async def test_nobody_is_woken_where_nobody_died(presence, world):
    await world.submit()
    async with presence.watch("a") as one, presence.watch("b"):
        assert await one.bury(["b", "never there"]) == ()


async def test_a_queued_run_need_not_wait_for_the_reaper_after_a_death(presence, world):
    queued, wakeups = await world.submit(), Wakeups()
    async with WatchWorkers(presence, wakeups, "a", interval_s=0.1).watching():
        async with dying(presence, "dead"):
            await asyncio.sleep(watch_workers.FIRST_CALM_S)

        async def woken():
            return queued.id in wakeups.runs

        await eventually(woken)
    assert wakeups.runs == [queued.id]
