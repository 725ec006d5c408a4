"""The log: gap-free under concurrency, fenced, folded in the right order."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest
from store_world import ENDED, new, said, thought

from hortus_agents.events import CapabilityReused, MessageCompleted, NewEvent, SessionCreated
from hortus_server.domain.errors import InvalidInputError, NotFoundError, StaleGenerationError


async def test_events_come_back_as_they_were_written(world):
    payload = SessionCreated(agent_id=world.agent.id, agent_name="gardener", title="é\n\"'\\ 🌱")
    async with world.store.system_transaction() as uow:
        (written,) = await uow.events.append(world.tenant_id, world.session.id, new(payload))
    (read,) = await world.log()
    assert read == written
    assert read.payload == payload
    assert (read.seq, read.run_id, read.step, read.type) == (1, None, 0, "session.created")


async def test_own_time_is_kept_and_otherwise_the_database_gives_it(world):
    then = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
    async with world.store.system_transaction() as uow:
        first, second = await uow.events.append(
            world.tenant_id, world.session.id, [NewEvent(payload=said("a"), at=then), NewEvent(payload=said("b"))]
        )
    assert first.at == then
    assert abs((datetime.now(UTC) - second.at).total_seconds()) < 60
    assert [event.at for event in await world.log()] == [first.at, second.at]


async def test_seq_has_no_gap_under_eight_writers_of_which_one_rolls_back(world):
    async def write(writer: int) -> None:
        for n in range(12):
            try:
                async with world.store.system_transaction() as uow:
                    await uow.events.append(world.tenant_id, world.session.id, new(said(f"{writer}.{n}"), said("x")))
                    assert 1 / writer  # the first fails: what was numbered is given back
            except ZeroDivisionError:
                continue

    async with asyncio.TaskGroup() as group:
        for writer in range(8):
            group.create_task(write(writer))
    log = await world.log()
    assert [event.seq for event in log] == list(range(1, 7 * 12 * 2 + 1))
    assert [event.at for event in log] == sorted(event.at for event in log)
    async with world.store.system_transaction() as uow:
        assert (await uow.sessions.get(world.tenant_id, world.session.id)).last_seq == len(log)


async def test_fenced_and_unfenced_writers_share_one_sequence(world):
    claim = await world.claim(await world.submit())

    async def unfenced() -> None:
        for _ in range(15):
            async with world.store.system_transaction() as uow:
                await uow.events.append(world.tenant_id, world.session.id, new(said("by the way")))

    async def fenced() -> None:
        for _ in range(15):
            await world.append(claim, thought())

    async with asyncio.TaskGroup() as group:
        for work in (unfenced, unfenced, fenced, fenced):
            group.create_task(work())
    assert [event.seq for event in await world.log()] == list(range(1, 3 + 60 + 1))


async def test_a_stale_generation_writes_nothing(world):
    run = await world.submit()
    zombie = await world.claim(run, lease=ENDED)
    owner = await world.claim(run, "w2")
    assert (zombie.generation, owner.generation) == (1, 2)
    before = await world.log()
    with pytest.raises(StaleGenerationError) as caught:
        await world.append(zombie, thought())
    assert caught.value.generation == 1
    with pytest.raises(StaleGenerationError):
        await world.finish(zombie)
    assert await world.log() == before
    assert (await world.run(run.id)).status == "running"
    assert (await world.append(owner, thought()))[0].seq == before[-1].seq + 1


async def test_a_write_that_waits_while_the_run_is_taken_over_is_refused(world):
    """The fence must hold for rows that change between the start of the statement and its locks."""
    run = await world.submit()
    zombie = await world.claim(run, lease=ENDED)
    async with world.store.system_transaction() as uow:
        assert await uow.runs.claim(run.id, worker_id="w2", lease=-ENDED * 10_000) is not None
        waiting = asyncio.create_task(world.append(zombie, thought()))
        await asyncio.sleep(0.2)
        assert not waiting.done()
    with pytest.raises(StaleGenerationError):
        await waiting
    assert not [event for event in await world.log() if event.type == "model.called"]


async def test_a_write_behind_a_lock_of_the_session_is_refused_after_a_take_over(world):
    run = await world.submit()
    zombie = await world.claim(run, lease=ENDED)
    async with world.store.system_transaction() as uow:
        await uow.events.append(world.tenant_id, world.session.id, new(said("holds the session")))
        waiting = asyncio.create_task(world.append(zombie, thought()))
        await asyncio.sleep(0.2)
        assert not waiting.done()
    (written,) = await waiting  # nobody took over: the fence holds the run meanwhile
    assert [event.seq for event in await world.log()][-1] == written.seq


async def test_a_finished_run_takes_no_more_events(world):
    claim = await world.claim(await world.submit())
    await world.finish(claim)
    with pytest.raises(StaleGenerationError):
        await world.append(claim, thought())


async def test_append_to_a_missing_session_is_not_found(world):
    async with world.store.system_transaction() as uow:
        with pytest.raises(NotFoundError):
            await uow.events.append(world.tenant_id, uuid4(), new(said("hello?")))
    claim = await world.claim(await world.submit())
    async with world.store.system_transaction() as uow:
        with pytest.raises(NotFoundError):
            await uow.events.append(
                world.tenant_id, uuid4(), new(said("?")), run_id=claim.run.id, generation=claim.generation
            )


async def test_a_generation_without_a_run_is_refused(world):
    async with world.store.system_transaction() as uow:
        with pytest.raises(InvalidInputError):
            await uow.events.append(world.tenant_id, world.session.id, new(said("?")), generation=1)


async def test_append_is_one_statement_and_nothing_is_none(world, sql_statements):
    claim = await world.claim(await world.submit())
    sql_statements.clear()
    await world.append(claim, thought(), thought(), thought())
    assert len(sql_statements) == 1
    async with world.store.system_transaction() as uow:
        assert await uow.events.append(world.tenant_id, world.session.id, []) == ()
    assert len(sql_statements) == 1


async def test_the_nul_character_becomes_a_replacement_and_text_like_it_stays(world):
    async with world.store.system_transaction() as uow:
        await uow.events.append(world.tenant_id, world.session.id, new(said("a\x00b \\u0000 \\\x00")))
    (event,) = await world.log()
    assert event.payload.content == "a\ufffdb \\u0000 \\\ufffd"


async def test_unknown_types_are_skipped_and_do_not_use_up_the_limit(world, database_settings):
    async with world.store.system_transaction() as uow:
        await uow.events.append(world.tenant_id, world.session.id, new(said("a"), said("b"), said("c")))
    async with await psycopg.AsyncConnection.connect(database_settings.url.get_secret_value()) as connection:
        await connection.execute("UPDATE events SET type = 'moon.landed' WHERE seq = 1")
    async with world.store.system_transaction() as uow:
        read = await uow.events.list_after(world.tenant_id, world.session.id, after=0, limit=2)
    assert [event.seq for event in read] == [2, 3]


async def test_list_after_walks_the_log_in_order_and_filters_by_run(world):
    first, second = await world.submit("one"), await world.submit("two")
    async with world.store.system_transaction() as uow:
        pages = [
            await uow.events.list_after(world.tenant_id, world.session.id, after=after, limit=2) for after in (0, 2, 4)
        ]
        own = await uow.events.list_after(world.tenant_id, world.session.id, after=0, limit=9, run_id=second.id)
    assert [[event.seq for event in page] for page in pages] == [[1, 2], [3, 4], []]
    assert [event.seq for event in own] == [3, 4]
    assert {event.run_id for event in own} == {second.id}
    assert first.queued_seq == 2


async def test_fold_gives_the_conversation_so_far_then_the_run(world):
    """Both messages were queued before the first was answered; the second run sees question, answer, own events."""
    first, second = await world.submit("one"), await world.submit("two")
    third = await world.submit("three")
    claim = await world.claim(first)
    await world.append(claim, CapabilityReused(name="f", tool_id=uuid4(), tool_version_id=uuid4(), version=1, score=1))
    await world.append(claim, thought())
    await world.finish(claim, "answer one")
    claim = await world.claim(second)
    await world.append(claim, thought("deep"))
    async with world.store.system_transaction() as uow:
        events = [e async for e in uow.events.stream_for_fold(world.tenant_id, world.session.id, second.id)]
    assert [(e.type, getattr(e.payload, "content", None)) for e in events] == [
        ("message.created", "one"),
        ("capability.reused", None),
        ("message.completed", "answer one"),
        ("message.created", "two"),
        ("run.queued", None),
        ("run.started", None),
        ("model.called", None),
    ]
    assert third.id not in {e.run_id for e in events}


async def test_fold_reads_a_long_run_in_pages_and_bounds_what_came_before(world, sql_statements):
    for n in range(3):
        claim = await world.claim(await world.submit())
        await world.append(claim, *(said(f"{n}.{m}") for m in range(60)))
        await world.finish(claim)
    claim = await world.claim(await world.submit("last"))
    for _ in range(6):
        await world.append(claim, *(thought() for _ in range(100)))
    sql_statements.clear()
    async with world.store.system_transaction() as uow:
        events = [e async for e in uow.events.stream_for_fold(world.tenant_id, world.session.id, claim.run.id)]
    own = [e for e in events if e.run_id == claim.run.id]
    assert len(own) == 3 + 600
    assert [e.seq for e in own] == sorted(e.seq for e in own)
    earlier = events[: -len(own)]
    assert len(earlier) == 120
    assert isinstance(earlier[-1].payload, MessageCompleted)
    assert len(sql_statements) == 3


async def test_an_event_of_a_run_that_never_was_cannot_be_committed(world):
    with pytest.raises(Exception, match="does not exist any more"):
        async with world.store.system_transaction() as uow:
            await uow.events.append(world.tenant_id, world.session.id, new(said("?")), run_id=uuid4())
    assert await world.log() == ()
