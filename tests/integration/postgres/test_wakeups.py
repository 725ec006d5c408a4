"""The reaper's queries and the outbox."""

import asyncio
from datetime import timedelta

import pytest
from store_world import ENDED, LEASE

SOON = timedelta(0)
HOUR = LATER = timedelta(hours=1)


@pytest.fixture
def due_runs(world):
    async def ask(older_than=SOON, limit=100):
        async with world.store.system_transaction() as uow:
            return set(await uow.wakeups.due_runs(older_than=older_than, limit=limit))

    return ask


async def test_due_are_queued_firsts_of_their_session_and_expired_leases(world, due_runs):
    first = await world.submit()
    await world.submit()
    expired = await world.submit(session=await world.another_session())
    await world.claim(expired, lease=ENDED)
    held = await world.submit(session=await world.another_session())
    await world.claim(held)
    done = await world.submit(session=await world.another_session())
    await world.finish(await world.claim(done))
    assert await due_runs() == {first.id, expired.id}


async def test_a_run_told_of_a_moment_ago_is_left_alone(world, due_runs):
    run = await world.submit()
    assert await due_runs(LATER) == set()
    assert await due_runs() == {run.id}
    assert await due_runs(timedelta(seconds=30)) == set()


async def test_the_limit_takes_the_longest_waiting_first_and_reaches_all(world, due_runs):
    runs = [await world.submit(session=await world.another_session()) for _ in range(5)]
    seen = [await due_runs(limit=2) for _ in range(3)]
    assert seen[0] == {run.id for run in runs[:2]}
    assert seen[0] | seen[1] | seen[2] == {run.id for run in runs}


async def test_two_reapers_do_not_wait_for_each_other(world):
    for _ in range(4):
        await world.submit(session=await world.another_session())
    async with world.store.system_transaction() as one:
        first = await one.wakeups.due_runs(older_than=SOON, limit=2)
        async with asyncio.timeout(5), world.store.system_transaction() as two:
            second = await two.wakeups.due_runs(older_than=SOON, limit=4)
    assert len(first) == len(second) == 2
    assert not set(first) & set(second)


async def test_next_queued_is_the_first_unfinished_if_nobody_has_it(world):
    async def ask():
        async with world.store.system_transaction() as uow:
            return await uow.wakeups.next_queued(world.session.id)

    assert await ask() is None
    first, second = await world.submit(), await world.submit()
    assert await ask() == first.id
    claim = await world.claim(first)
    assert await ask() is None
    await world.finish(claim)
    assert await ask() == second.id


async def test_a_job_is_held_by_one_and_gone_when_done(world):
    async with world.store.system_transaction() as uow:
        job = await uow.wakeups.add_job(world.tenant_id, "remember_run", world.session.id)

    async def take():
        async with world.store.system_transaction() as uow:
            return await uow.wakeups.take_job(job.id, lease=LEASE)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(take()) for _ in range(6)]
    (taken,) = [task.result() for task in tasks if task.result() is not None]
    assert (taken.id, taken.kind, taken.subject_id, taken.attempts) == (job.id, "remember_run", world.session.id, 1)
    async with world.store.system_transaction() as uow:
        await uow.wakeups.complete_job(job.id)
    assert await take() is None


async def test_a_job_is_due_when_nobody_holds_it_and_waits_longer_after_each_attempt(world):
    async with world.store.system_transaction() as uow:
        job = await uow.wakeups.add_job(world.tenant_id, "index_tool", world.session.id)

    async def due(older_than):
        async with world.store.system_transaction() as uow:
            return [found.id for found in await uow.wakeups.due_jobs(older_than=older_than, limit=10)]

    async def take(lease):
        async with world.store.system_transaction() as uow:
            return await uow.wakeups.take_job(job.id, lease=lease)

    assert await due(LATER) == []
    assert await due(SOON) == [job.id]
    await take(LEASE)
    assert await due(SOON) == []
    assert await take(LEASE) is None


async def test_failed_attempts_back_off(world):
    async with world.store.system_transaction() as uow:
        job = await uow.wakeups.add_job(world.tenant_id, "index_tool", world.session.id)
    for attempt in range(1, 4):
        async with world.store.system_transaction() as uow:
            assert (await uow.wakeups.take_job(job.id, lease=ENDED)).attempts == attempt
    await passes(world, "announced_at")
    async with world.store.system_transaction() as uow:
        assert await uow.wakeups.due_jobs(older_than=HOUR / 2, limit=9) == ()
        assert len(await uow.wakeups.due_jobs(older_than=HOUR / 10, limit=9)) == 1


async def passes(world, column):
    """An hour."""
    async with world.store._pool.connection() as connection:
        await connection.execute(f"UPDATE jobs SET {column} = {column} - interval '1 hour'")  # noqa: S608 - ours


async def test_an_attempt_that_failed_is_due_again_after_its_pause_and_not_before(world):
    async with world.store.system_transaction() as uow:
        job = await uow.wakeups.add_job(world.tenant_id, "index_tool", world.session.id)
        taken = await uow.wakeups.take_job(job.id, lease=LEASE)
        await uow.wakeups.retry_job(taken, pause=HOUR)

    async def due():
        async with world.store.system_transaction() as uow:
            return [found.id for found in await uow.wakeups.due_jobs(older_than=LATER, limit=10)]

    assert await due() == []
    await passes(world, "lease_until")
    assert await due() == [job.id]
    assert await due() == [], "it was announced"
    async with world.store.system_transaction() as uow:
        again = await uow.wakeups.take_job(job.id, lease=LEASE)
        await uow.wakeups.retry_job(taken, pause=timedelta())
        assert again.attempts == 2
        assert await uow.wakeups.take_job(job.id, lease=LEASE) is None, "an earlier attempt frees nothing"
