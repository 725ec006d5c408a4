"""A fork's log, and what its runs are told."""

from uuid import uuid4

import pytest
from store_world import World, new

from hortus_agents.events import (
    CapabilityReused,
    RunBudgetExhausted,
    RunCancelled,
    RunRolledBack,
    SessionCreated,
    SessionForked,
    StepStarted,
)
from hortus_agents.limits import Spent
from hortus_agents.loop.labelling import ANSWER
from hortus_agents.loop.state import fold_session
from hortus_server.adapters.postgres import forks
from hortus_server.domain.errors import InvalidCursorError, NotFoundError
from hortus_server.domain.records import Session
from hortus_server.services.fork_session import ForkRequest, fork


async def fork_of(world: World, at_seq=None, **more) -> Session:
    async with world.store.system_transaction() as uow:
        return await fork(uow, world.tenant_id, ForkRequest(world.session.id, at_seq, **more))


async def talk(world: World, question: str, answer: str):
    """One whole run; the number of its last event."""
    return (await world.finish(await world.claim(await world.submit(question)), answer)).seq


async def told(world: World, session: Session):
    """What the next run of a session is told of the conversation."""
    run = await world.submit("and now?", session=session)
    async with world.store.system_transaction() as uow:
        events = [event async for event in uow.events.stream_for_fold(run.tenant_id, run.session_id, run.id)]
    state = fold_session(events, run.id)
    return [message.content for message in state.history], state


async def test_a_fork_begins_with_its_origin_and_the_conversation_up_to_there(world):
    end = await talk(world, "one?", "1")
    await talk(world, "two?", "2")
    session = await fork_of(world, end)
    log = await world.log(session.id)
    assert [event.type for event in log] == ["session.forked", "message.created", "message.completed"]
    assert [event.seq for event in log] == [1, 2, 3]
    assert all(event.run_id is None for event in log)
    forked = log[0].payload
    assert isinstance(forked, SessionForked)
    assert (forked.origin_session_id, forked.origin_seq, forked.left_out) == (world.session.id, end, False)
    assert (session.forked_from_session_id, session.forked_from_seq, session.last_seq) == (world.session.id, end, 3)
    origin = {event.payload: event.at for event in await world.log()}
    assert [event.at for event in log[1:]] == [origin[event.payload] for event in log[1:]]
    history, state = await told(world, session)
    assert (history, state.user_message) == (["one?", "1"], "and now?")


async def test_both_go_on_without_each_other(world):
    await talk(world, "one?", "1")
    session = await fork_of(world)
    await talk(world, "two?", "2")
    assert (await told(world, session))[0] == ["one?", "1"]
    assert (await told(world, world.session))[0] == ["one?", "1", "two?", "2"]


async def test_a_fork_outlives_its_origin(world):
    await talk(world, "one?", "1")
    session = await fork_of(world)
    async with world.store.system_transaction() as uow:
        await uow.sessions.delete(world.tenant_id, world.session.id)
    assert (await told(world, session))[0] == ["one?", "1"]
    async with world.store.system_transaction() as uow:
        assert (await uow.sessions.get(world.tenant_id, session.id)).forked_from_session_id == world.session.id


async def test_forks_of_forks_keep_the_order_of_what_was_said(world):
    await talk(world, "one?", "1")
    first = await fork_of(world)
    run = await world.submit("two?", session=first)
    await world.finish(await world.claim(run), "2")
    async with world.store.system_transaction() as uow:
        second = await fork(uow, world.tenant_id, ForkRequest(first.id))
    assert (await told(world, second))[0] == ["one?", "1", "two?", "2"]


async def test_questions_that_overlapped_are_in_the_conversations_order(world):
    first, second = await world.submit("one?"), await world.submit("two?")
    await world.finish(await world.claim(first), "1")
    await world.finish(await world.claim(second), "2")
    assert (await told(world, await fork_of(world)))[0] == ["one?", "1", "two?", "2"]


async def test_a_run_that_is_under_way_leaves_what_was_said_whole(world):
    await talk(world, "one?", "1")
    claim = await world.claim(await world.submit("two?"))
    await world.append(claim, StepStarted())
    session = await fork_of(world)
    assert [event.type for event in await world.log(session.id)][-1] == "message.created"
    assert (await told(world, session))[0] == ["one?", "1", "two?"]
    assert (await world.run(claim.run.id)).status == "running"


async def test_tools_that_the_session_bound_go_along(world):
    claim = await world.claim(await world.submit())
    tool, version = uuid4(), uuid4()
    reused = CapabilityReused(name="adder", tool_id=tool, tool_version_id=version, version=2, score=1.0)
    await world.append(claim, reused)
    await world.finish(claim)
    _, state = await told(world, await fork_of(world))
    assert [(bound.name, bound.version_id) for bound in state.capabilities] == [("adder", version)]


ENDS = [
    lambda text: RunCancelled(reason="enough", partial_output=text, label=ANSWER),
    lambda text: RunBudgetExhausted(limit="tokens", spent=Spent(), partial_output=text, label=ANSWER),
]


@pytest.mark.parametrize("ending", ENDS)
async def test_the_text_of_a_run_that_was_cut_off_goes_along_as_a_message_and_into_the_next_prompt(world, ending):
    for question, text in (("long?", "It was lo"), ("and?", "")):
        claim = await world.claim(await world.submit(question))
        async with world.store.system_transaction() as uow:
            events = await uow.events.append(
                world.tenant_id,
                world.session.id,
                new(ending(text)),
                run_id=claim.run.id,
                generation=claim.generation,
            )
            await uow.runs.finish(claim.run.id, claim.generation, event=events[-1])
    assert (await told(world, await fork_of(world)))[0] == ["long?", "It was lo", "and?"]
    assert (await told(world, world.session))[0] == ["long?", "It was lo", "and?"]


async def test_what_was_rolled_back_is_left_out_unless_the_place_is_before_that(world):
    end = await talk(world, "one?", "1")
    run = await world.submit("no")
    before = (await world.log())[-1].seq
    async with world.store.system_transaction() as uow:
        undone = RunRolledBack(reason="never mind")
        await uow.events.append(run.tenant_id, run.session_id, new(undone), run_id=run.id)
        await uow.interjections.roll_back(run.tenant_id, run.id)
    assert (await told(world, await fork_of(world)))[0] == ["one?", "1"]
    assert (await told(world, await fork_of(world, before)))[0] == ["one?", "1", "no"]
    assert end < before


async def test_a_long_conversation_is_taken_from_its_newest_end(world, monkeypatch):
    monkeypatch.setattr(forks, "_EVENTS", 4)
    for number in range(4):
        await talk(world, f"{number}?", str(number))
    session = await fork_of(world)
    log = await world.log(session.id)
    assert [event.payload.content for event in log[1:]] == ["2?", "2", "3?", "3"]
    assert log[0].payload.left_out
    monkeypatch.setattr(forks, "_BYTES", 1)
    assert len(await world.log((await fork_of(world)).id)) == 1


async def test_only_places_of_ones_own_log_can_be_forked(world, other):
    end = await talk(world, "one?", "1")
    with pytest.raises(InvalidCursorError):
        await fork_of(world, end + 1)
    with pytest.raises(NotFoundError):
        async with other.store.system_transaction() as uow:
            await fork(uow, other.tenant_id, ForkRequest(world.session.id, 1))


async def test_a_place_before_anything_was_said_gives_an_empty_conversation(world):
    async with world.store.system_transaction() as uow:
        created = SessionCreated(agent_id=world.agent.id, agent_name="gardener", title="first")
        await uow.events.append(world.tenant_id, world.session.id, new(created))
    session = await fork_of(world, 1, title="anew")
    assert (session.title, session.metadata, session.last_seq) == ("anew", world.session.metadata, 1)
