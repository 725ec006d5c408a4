"""What retention forgets of logs, and what it must leave."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from store_world import World, make_memory, new, said

from hortus_agents.events import KeptFile, ToolFinished
from hortus_server.domain.errors import NotFoundError
from hortus_server.ports.retention import Gap
from hortus_server.services.delete_session import delete_session
from hortus_server.services.fork_session import ForkRequest, fork
from hortus_server.services.purge_events import PurgeEvents
from hortus_server.services.read_events import read_events, read_run_events

KEPT = timedelta(days=30)


async def talked(
    world: World, answer: str = "done", *, days_ago: float, artifact: str | None = None, file: str | None = None
):
    """A whole run that ended so long ago."""
    claim = await world.claim(await world.submit())
    if artifact is not None or file is not None:
        files = () if file is None else (KeptFile(name="a.txt", sha256=file, size=4),)
        result = {"outcome": "ok", "content": "lo..", "duration_ms": 1.0}
        await world.append(
            claim, ToolFinished(call_id="c1", name="read", artifact_sha256=artifact, files=files, **result)
        )
    await world.finish(claim, answer)
    await age(world, claim.run.id, days_ago)
    return await world.run(claim.run.id)


async def age(world: World, run_id, days: float) -> None:
    await execute(
        world, "UPDATE runs SET finished_at = now() - make_interval(secs => %s) WHERE id = %s", days * 86_400, run_id
    )


async def execute(world: World, statement: str, *parameters):
    async with world.store._pool.connection() as connection:
        return await connection.execute(statement, parameters)


async def purge(world: World, **more) -> None:
    await PurgeEvents(world.store, KEPT, **more)()


async def seqs(world: World) -> list[int]:
    return [event.seq for event in await world.log()]


async def test_old_runs_go_and_what_is_younger_stays_whole(world):
    await talked(world, days_ago=40)
    await talked(world, days_ago=31)
    young = await talked(world, days_ago=29)
    await purge(world)
    left = await world.log()
    assert {event.run_id for event in left} == {young.id}
    assert [event.seq for event in left] == [11, 12, 13, 14, 15]
    async with world.store.system_transaction() as uow:
        again = [event.seq async for event in uow.events.stream_for_fold(world.tenant_id, young.session_id, young.id)]
    assert again == [11, 12, 13, 14, 15]


async def test_nothing_is_forgotten_without_a_period(world):
    await talked(world, days_ago=4000)
    await PurgeEvents(world.store, None)()
    assert len(await seqs(world)) == 5


async def test_numbers_of_forgotten_events_stay_used(world):
    await talked(world, days_ago=31)
    await purge(world)
    assert await seqs(world) == []
    run = await world.submit()
    assert run.queued_seq == 7  # 6 is its message


async def test_a_run_that_overlaps_with_one_that_is_kept_is_not_cut(world):
    """The second run's first events stand among those of the first."""
    first = await world.claim(await world.submit())
    second = await world.submit()
    await world.finish(first)
    await age(world, first.run.id, 40)
    await purge(world)
    assert len(await seqs(world)) == 7
    async with world.store.system_transaction() as uow:
        assert await uow.retention.old_sessions(older_than=KEPT, limit=9) == ()  # not looked at again for a day
    await execute(world, "UPDATE runs SET log_kept_since = finished_at WHERE id = %s", first.run.id)
    await world.finish(await world.claim(second))
    await age(world, second.id, 40)
    await purge(world)
    assert await seqs(world) == []


async def test_an_unfinished_run_and_all_behind_its_beginning_stay(world):
    await talked(world, days_ago=50)
    waiting = await world.submit()
    await purge(world)
    assert await seqs(world) == [6, 7]
    assert waiting.queued_seq == 7


async def test_what_is_owed_to_a_webhook_or_a_job_holds_its_run_back(world):
    owing = await talked(world, days_ago=31)
    async with world.store.system_transaction() as uow:
        job = await uow.wakeups.add_job(world.tenant_id, "remember_run", owing.id)
    await purge(world)
    assert len(await seqs(world)) == 5
    async with world.store.system_transaction() as uow:
        await uow.wakeups.complete_job(job.id)
    await execute(world, "UPDATE runs SET log_kept_since = finished_at WHERE id = %s", owing.id)
    await purge(world)
    assert await seqs(world) == []


async def test_a_round_goes_by_whole_runs_in_bounded_transactions(world):
    for _ in range(4):
        await talked(world, days_ago=31)
    async with world.store.system_transaction() as uow:
        cut = await uow.retention.cut(world.tenant_id, world.session.id, older_than=KEPT, rows=12)
    assert (cut.last_seq, cut.events) == (10, 10)
    async with world.store.system_transaction() as uow:
        cut = await uow.retention.cut(world.tenant_id, world.session.id, older_than=KEPT, rows=1)
    assert (cut.last_seq, cut.events) == (15, 5)
    await purge(world, runs=1, batch=1)
    assert await seqs(world) == []


async def test_a_log_that_somebody_appends_to_is_left_for_later(world):
    await talked(world, days_ago=31)
    async with world.store.system_transaction() as uow:
        await uow.events.append(world.tenant_id, world.session.id, new(said("by hand")))
        await purge(world, looks=2)
        assert len(await seqs(world)) == 5
    await purge(world)
    assert await seqs(world) == []


async def test_artifacts_go_with_the_last_event_that_refers_to_them(world):
    async with world.store.system_transaction() as uow:
        shared = (await uow.artifacts.put(world.tenant_id, b"shared", media_type="text/plain")).sha256
        lone = (await uow.artifacts.put(world.tenant_id, b"lone", media_type="text/plain")).sha256
        fresh = (await uow.artifacts.put(world.tenant_id, b"fresh", media_type="text/plain")).sha256
    await execute(
        world,
        "UPDATE artifacts SET put_at = now() - interval '40 days', check_at = now() - interval '40 days' "
        "WHERE sha256 <> %s",
        fresh,
    )
    for sha256 in (shared, lone, fresh):
        await talked(world, days_ago=31, artifact=sha256)
    await talked(world, days_ago=1, artifact=shared)
    await purge(world)
    async with world.store.system_transaction() as uow:
        assert (await uow.artifacts.get(world.tenant_id, shared))[1] == b"shared"
        assert (await uow.artifacts.get(world.tenant_id, fresh))[1] == b"fresh"
    with pytest.raises(NotFoundError):
        async with world.store.system_transaction() as uow:
            await uow.artifacts.get(world.tenant_id, lone)


async def test_an_artifact_that_is_stored_again_counts_as_new(world):
    async with world.store.system_transaction() as uow:
        sha256 = (await uow.artifacts.put(world.tenant_id, b"again", media_type="text/plain")).sha256
    await execute(world, "UPDATE artifacts SET put_at = now() - interval '40 days'")
    await talked(world, days_ago=31, artifact=sha256)
    async with world.store.system_transaction() as uow:  # by a run whose event is not committed yet
        await uow.artifacts.put(world.tenant_id, b"again", media_type="text/plain")
    await purge(world)
    async with world.store.system_transaction() as uow:
        assert (await uow.artifacts.get(world.tenant_id, sha256))[1] == b"again"


async def keep(world: World, content: bytes) -> str:
    async with world.store.system_transaction() as uow:
        return (await uow.artifacts.put(world.tenant_id, content, media_type="text/plain")).sha256


async def is_kept(world: World, sha256: str) -> bool:
    row = await (await execute(world, "SELECT 1 FROM artifacts WHERE sha256 = %s", sha256)).fetchone()
    return row is not None


async def days_pass(world: World, days: int = 40) -> None:
    """For what was stored."""
    await execute(
        world,
        "UPDATE artifacts SET put_at = put_at - make_interval(days => %s), "
        "check_at = check_at - make_interval(days => %s)",
        days,
        days,
    )


async def test_files_go_with_their_run_and_stay_where_another_run_has_made_the_same(world):
    shared, lone = await keep(world, b"shared"), await keep(world, b"lone")
    await days_pass(world)
    await talked(world, days_ago=31, file=shared)
    await talked(world, days_ago=31, file=lone)
    await talked(world, days_ago=1, file=shared)
    await purge(world)
    assert (await is_kept(world, shared), await is_kept(world, lone)) == (True, False)


async def test_two_purges_at_once_leave_nothing_behind(world):
    """Each sees the other's events, which are not yet gone: neither may decide that the bytes are still needed."""
    sha256 = await keep(world, b"both")
    await days_pass(world)
    await talked(world, days_ago=31, artifact=sha256)
    other = replace(world, session=await world.another_session())
    await talked(other, days_ago=31, file=sha256)
    has_cut, may_commit = asyncio.Event(), asyncio.Event()

    async def cut(world: World, has_cut: asyncio.Event, may_commit: asyncio.Event) -> None:
        async with world.store.system_transaction() as uow:
            await uow.retention.cut(world.tenant_id, world.session.id, older_than=KEPT, rows=9)
            has_cut.set()
            await may_commit.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(cut(world, has_cut, may_commit))
        await has_cut.wait()
        second = asyncio.Event()
        group.create_task(cut(other, second, may_commit))
        await asyncio.sleep(0.05)
        assert not second.is_set()  # waits for the row of the bytes
        assert await PurgeEvents(world.store, None)() is None
        assert await is_kept(world, sha256)
        may_commit.set()
    await purge(world)
    assert not await is_kept(world, sha256)


async def test_bytes_that_no_event_came_to_refer_to_go_after_two_hours(world):
    """Their worker died between the two."""
    lost = await keep(world, b"lost")
    await PurgeEvents(world.store, None)()
    assert await is_kept(world, lost)
    await execute(world, "UPDATE artifacts SET check_at = check_at - interval '2 hours'")
    await PurgeEvents(world.store, None)()
    assert not await is_kept(world, lost)


async def test_bytes_that_something_refers_to_are_looked_at_once(world):
    kept = await keep(world, b"kept")
    await days_pass(world)
    await talked(world, days_ago=1, file=kept)
    await PurgeEvents(world.store, None)()
    async with world.store.system_transaction() as uow:
        assert await uow.retention.drop_artifacts(limit=9) == (0, 0)
    assert await is_kept(world, kept)


async def test_a_deleted_session_s_files_go_at_the_next_round(world):
    file, whole = await keep(world, b"file"), await keep(world, b"whole")
    await talked(world, days_ago=0, file=file, artifact=whole)
    await days_pass(world, 1)
    await PurgeEvents(world.store, None)()
    assert await is_kept(world, file)
    await delete_session(world.store, None, world.tenant_id, session_id=world.session.id)
    await PurgeEvents(world.store, None)()
    assert (await is_kept(world, file), await is_kept(world, whole)) == (False, False)


async def test_a_memory_says_that_its_events_are_gone(world):
    run = await talked(world, days_ago=31)
    memory = make_memory(run)
    async with world.store.system_transaction() as uow:
        await uow.memories.add(memory)
        assert (await uow.memories.get(world.tenant_id, memory.id)).source_kept
    await purge(world)
    async with world.store.system_transaction() as uow:
        assert not (await uow.memories.get(world.tenant_id, memory.id)).source_kept


async def test_a_fork_of_a_log_that_lost_its_beginning_says_so(world):
    await talked(world, days_ago=31)
    await talked(world, "kept", days_ago=1)
    await purge(world)
    async with world.store.system_transaction() as uow:
        session = await fork(uow, world.tenant_id, ForkRequest(world.session.id))
    forked, *said_before = await world.log(session.id)
    assert forked.payload.left_out
    assert [event.payload.content for event in said_before] == ["hello", "kept"]


async def test_reading_names_the_gap_and_the_cursor_goes_behind_it(world):
    old = await talked(world, days_ago=31)
    young = await talked(world, days_ago=1)
    await purge(world)
    part = await read_events(world.store, world.tenant_id, world.session.id, after=2, limit=3)
    assert (part.gaps, part.next_after) == ((Gap(3, 5),), 8)
    assert [event.seq for event in part.events] == [6, 7, 8]
    part = await read_events(world.store, world.tenant_id, world.session.id, after=8, limit=3)
    assert (part.gaps, part.next_after, len(part.events)) == ((), 10, 2)
    part = await read_run_events(world.store, world.tenant_id, old.id, after=0, limit=9)
    assert (part.events, part.gaps, part.next_after) == ((), (Gap(1, 5),), 5)
    part = await read_run_events(world.store, world.tenant_id, young.id, after=0, limit=9)
    assert (len(part.events), part.gaps) == (5, ())


async def test_a_log_of_which_nothing_is_left_is_one_gap(world):
    await talked(world, days_ago=31)
    await purge(world)
    part = await read_events(world.store, world.tenant_id, world.session.id, after=0, limit=9)
    assert (part.events, part.gaps, part.next_after) == ((), (Gap(1, 5),), 5)


async def test_types_of_a_newer_version_are_no_gap(world):
    claim = await world.claim(await world.submit())
    await world.append(claim, said("one"), said("two"))
    await execute(world, "UPDATE events SET type = 'future.thing' WHERE session_id = %s AND seq = 4", world.session.id)
    part = await read_events(world.store, world.tenant_id, world.session.id, after=0, limit=9)
    assert ([event.seq for event in part.events], part.gaps, part.next_after) == ([1, 2, 3, 5], (), 5)


async def test_the_look_for_old_logs_is_one_walk_of_an_index(world):
    await execute(
        world,
        """INSERT INTO runs (id, tenant_id, session_id, agent_id, agent_version_id, status, queued_seq, limits,
            finished_at)
        SELECT gen_random_uuid(), tenant_id, session_id, agent_id, agent_version_id, 'succeeded', g, '{}',
            now() - make_interval(mins => g)
        FROM runs, generate_series(1000, 6000) AS g WHERE id = %s""",
        (await world.submit()).id,
    )
    await execute(world, "ANALYZE runs")
    plan = await execute(
        world,
        """EXPLAIN SELECT r.session_id FROM runs AS r
        WHERE r.finished_at IS NOT NULL AND r.log_kept_since IS DISTINCT FROM 'infinity'
            AND coalesce(r.log_kept_since, r.finished_at) < now() - interval '4 days'
        ORDER BY coalesce(r.log_kept_since, r.finished_at) LIMIT 10""",
    )
    lines = "\n".join(line for (line,) in await plan.fetchall())
    assert "runs_log_kept" in lines
    assert "Sort" not in lines


async def test_the_look_for_references_walks_indexes_of_the_log(world):
    async with world.store._pool.connection() as connection:
        await connection.execute("SET LOCAL enable_seqscan = off")
        rows = await connection.execute(
            """EXPLAIN SELECT FROM unnest(ARRAY['x']) AS held (sha256) WHERE EXISTS (
                SELECT FROM events AS e WHERE e.tenant_id = %(t)s AND e.payload ->> 'artifact_sha256' = held.sha256
            ) OR EXISTS (
                SELECT FROM events AS e WHERE e.tenant_id = %(t)s
                    AND e.type = 'tool.finished' AND e.payload -> 'files' <> '[]'
                    AND jsonb_path_query_array(e.payload, '$.files[*].sha256') ? held.sha256
            )""",
            {"t": world.tenant_id},
        )
        plan = "\n".join(line for (line,) in await rows.fetchall())
    assert "Seq Scan on events" not in plan
    assert "events_p0_jsonb_path_query_array_idx" in plan
    assert "events_p0_tenant_id_expr_idx" in plan
