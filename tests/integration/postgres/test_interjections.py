"""Rows and logs where something is said to a session whose runs have not ended."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from approval_world import Told
from store_world import PageOf, World, make_memory, new, said, thought

from hortus_agents.events import (
    Event,
    MemoryWritten,
    MessageCompleted,
    MessageCreated,
    ModelCalled,
    NewEvent,
    RunCancelled,
    RunStarted,
    RunSucceeded,
    RunWaiting,
    StepStarted,
    WaitReason,
)
from hortus_agents.labels import UNKNOWN, Label
from hortus_agents.limits import Spent
from hortus_agents.loop.state import RunState, fold_session
from hortus_agents.messages import Usage
from hortus_agents.tools.fencing import fence
from hortus_memory.types import Episode
from hortus_server.domain.errors import RunEndedError, StaleGenerationError, UnavailableError
from hortus_server.domain.ids import TenantId
from hortus_server.domain.records import Claim, Run, Session
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.services.cancel_run import CancelRun
from hortus_server.services.create_once import Once
from hortus_server.services.remember_run import RememberRun
from hortus_server.services.run_log import RunLog, RunPorts
from hortus_server.services.steer_run import SteerRun, steered_json
from hortus_server.services.submit_run import AcceptedRun, RunRequest, SubmitRun

NOBODY: Any = Told()

OWN = Label(origin="agent", trust=1)  # of an answer whose run read nothing untrusted


def once(render: Any) -> Once[Any]:
    return Once(None, "route", b"", 202, render)


async def steer(world: World, run: Run, text: str) -> None:
    await SteerRun(world.store, NOBODY)(world.tenant_id, run.id, content=text, once=once(steered_json))


async def submit(world: World, text: str, session: Session, policy: Any = None) -> AcceptedRun:
    submits = SubmitRun(world.store, NOBODY, NOBODY, 100)
    async with world.store.system_transaction() as uow:
        return await submits.accept(
            uow, world.tenant_id, RunRequest(text, session_id=session.id, message_policy=policy)
        )


async def state_of(world: World, run: Run) -> RunState:
    async with world.store.system_transaction() as uow:
        events = [event async for event in uow.events.stream_for_fold(run.tenant_id, run.session_id, run.id)]
    return fold_session(events, run.id)


async def log_for(world: World, claim: Claim, store: Store | None = None) -> RunLog:
    ports = RunPorts(store or world.store, NOBODY, NOBODY, NOBODY)
    last = (await world.log())[-1].seq
    return RunLog(
        ports, claim, await state_of(world, claim.run), last, leased_at=time.monotonic(), owes_memory=lambda _: False
    )


def answer(text: str = "done") -> list[NewEvent]:
    """What a worker commits once the model has answered."""
    called = thought(text).model_copy(update={"answer": text})
    ending = RunSucceeded(spent=Spent(steps=1), usage=Usage())
    return new(StepStarted(), called, MessageCompleted(message_id=uuid4(), content=text), ending, step=1)


async def began(world: World) -> tuple[Run, Claim]:
    run = await world.submit("task")
    claim = await world.claim(run)
    assert claim is not None
    return run, claim


def types(events: tuple[Event, ...]) -> list[str]:
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    return [event.type for event in events]


async def test_an_answer_does_not_end_a_run_that_was_told_something_meanwhile(world: World) -> None:
    run, claim = await began(world)
    run_log = await log_for(world, claim)
    await steer(world, run, "in French")
    written = await run_log.commit(answer())
    assert [event.type for event in written] == ["step.started", "model.called", "message.completed"]
    assert not run_log.state.finished
    assert (await world.run(run.id)).status == "running"
    assert [each.content for each in run_log.state.unheard] == ["in French"]
    assert run_log.state == await state_of(world, run), "what the worker goes on with is what a fold of the log gives"
    heard = thought("oui").model_copy(
        update={"answer": "oui", "heard": tuple(each.message_id for each in run_log.state.unheard)}
    )
    rest = answer("oui")
    await run_log.commit([rest[0], NewEvent(step=2, payload=heard), *rest[2:]])
    assert run_log.state.finished
    assert (await world.run(run.id)).output == "oui"
    assert types(await world.log())[-1] == "run.succeeded"


async def test_a_message_after_the_end_is_refused_so_none_is_lost(world: World) -> None:
    run, claim = await began(world)
    run_log = await log_for(world, claim)
    outcomes = await asyncio.gather(steer(world, run, "?"), run_log.commit(answer()), return_exceptions=True)
    if isinstance(outcomes[0], RunEndedError):
        assert run_log.state.finished
    else:
        assert outcomes[0] is None
        assert not run_log.state.finished
        assert run_log.state.unheard
    types(await world.log())


async def test_others_events_do_not_disturb_the_fence(world: World) -> None:
    run, claim = await began(world)
    run_log = await log_for(world, claim)
    await steer(world, run, "one")
    await world.submit("queued behind")
    await run_log.commit(new(StepStarted(), thought(), step=1))
    await steer(world, run, "two")
    assert [each.content for each in run_log.state.unheard] == ["one"]
    async with world.store.system_transaction() as uow:
        await uow.runs.release(run.tenant_id, run.id, claim.generation)
    assert await world.claim(run, "w2") is not None
    with pytest.raises(StaleGenerationError):
        await run_log.commit(answer())
    assert [each.content for each in (await state_of(world, run)).unheard] == ["one", "two"], (
        "the next worker sees both"
    )


@dataclass
class Deaf:
    """A store whose answer to the next commit is lost, though the commit is not."""

    store: Store
    lose: bool = True

    @asynccontextmanager
    async def transaction(self, tenant_id: TenantId) -> AsyncIterator[UnitOfWork]:
        async with self.store.transaction(tenant_id) as uow:
            yield uow
        if self.lose:
            self.lose = False
            raise UnavailableError("postgresql", "the connection failed")


async def test_a_commit_whose_answer_was_lost_is_found_among_what_others_wrote(world: World) -> None:
    run, claim = await began(world)
    store: Any = Deaf(world.store)
    run_log = await log_for(world, claim, store)
    await steer(world, run, "meanwhile")
    await run_log.commit(new(StepStarted(), thought(), step=1))
    log = types(await world.log())
    assert (log.count("step.started"), log.count("model.called")) == (1, 1), "it was not written twice"
    assert run_log.state == await state_of(world, run)


class Down(Deaf):
    """A store that is away for one transaction."""

    @asynccontextmanager
    async def transaction(self, tenant_id: TenantId) -> AsyncIterator[UnitOfWork]:
        if self.lose:
            self.lose = False
            raise UnavailableError("postgresql", "away")
        async with self.store.transaction(tenant_id) as uow:
            yield uow


async def test_a_commit_that_failed_is_not_taken_for_done_because_others_wrote(world: World) -> None:
    run, claim = await began(world)
    store: Any = Down(world.store)
    run_log = await log_for(world, claim, store)
    await steer(world, run, "meanwhile")
    await run_log.commit(new(StepStarted(), thought(), step=1))
    assert types(await world.log()).count("step.started") == 1


async def test_a_commit_that_failed_is_not_taken_for_done_because_the_next_worker_wrote_its_like(world: World) -> None:
    run, claim = await began(world)
    store: Any = Down(world.store)
    run_log = await log_for(world, claim, store)
    async with world.store.system_transaction() as uow:
        await uow.runs.release(run.tenant_id, run.id, claim.generation)
    successor = await world.claim(run, "w2")
    assert successor is not None
    await world.append(successor, RunStarted(worker_id="w2", generation=2), StepStarted(), thought())
    with pytest.raises(StaleGenerationError):
        await run_log.commit(new(StepStarted(), thought(), step=1))


async def test_later_prompts_hold_what_a_stopped_run_wrote_and_nothing_of_an_undone_one(world: World) -> None:
    kept, claim = await began(world)
    await steer(world, kept, "and more")
    run_log = await log_for(world, claim)
    await run_log.commit(new(RunCancelled(reason="stop", partial_output="half of it", label=OWN)))
    undone, claim = await began(world)
    await world.append(claim, MessageCompleted(message_id=uuid4(), content="never said"))
    accepted = await submit(world, "instead", world.session, "rollback")
    await (await log_for(world, claim)).commit(new(RunCancelled(reason="stop", partial_output="nor this")))
    last = accepted.run
    history = [(message.role, message.content) for message in (await state_of(world, last)).history]
    assert history == [("user", "task"), ("user", "and more"), ("assistant", "half of it")]
    assert (await world.run(undone.id)).rolled_back_at is not None
    assert (await state_of(world, last)).user_message == "instead"


async def test_a_run_that_answers_before_its_worker_learns_of_it_is_undone_all_the_same(world: World) -> None:
    run, claim = await began(world)
    run_log = await log_for(world, claim)
    new_run = (await submit(world, "instead", world.session, "rollback")).run
    assert await world.claim(new_run, "w2") is None, "never two runs of a session at once"
    await run_log.commit(answer())
    assert (await world.run(run.id)).status == "succeeded"
    assert await world.claim(new_run, "w2") is not None
    assert (await state_of(world, new_run)).history == ()


async def test_a_run_that_ends_just_before_loses_no_message(world: World) -> None:
    run, claim = await began(world)
    run_log = await log_for(world, claim)
    for policy in ("interrupt", "rollback"):
        outcome = await asyncio.gather(submit(world, policy, world.session, policy), run_log.commit(answer()))
        accepted = outcome[0].run
        assert (await world.run(run.id)).status == "succeeded"
        assert (await world.run(accepted.id)).status == "queued"
        claim = await world.claim(accepted)  # type: ignore[assignment]
        assert claim is not None
        run, run_log = accepted, await log_for(world, claim)


@dataclass
class Forgotten:
    """The index of episodes, as a list of what it was told to forget."""

    gone: list[Any] = field(default_factory=list)

    async def remember(self, episode: Episode) -> None:
        raise AssertionError(f"{episode.title} was written")

    async def forget(self, tenant_id: str, ids: list[Any]) -> None:
        self.gone += ids


async def test_nothing_is_remembered_of_an_undone_run(world: World) -> None:
    run, claim = await began(world)
    note = make_memory(run)
    noted = MemoryWritten(memory_id=note.id, kind="note", title="t", source_first_seq=1, source_last_seq=1)
    async with world.store.system_transaction() as uow:
        await uow.memories.add(note)
    await world.append(claim, noted)
    await submit(world, "instead", world.session, "rollback")
    async with world.store.system_transaction() as uow:
        assert await _notes(uow, world.tenant_id) == [], "it is not recalled from the moment of the rollback on"
        await uow.memories.add(note)  # the tool was just writing it
    await (await log_for(world, claim)).commit(answer())
    index: Any = Forgotten()
    await RememberRun(world.store, index, NOBODY)(world.tenant_id, run.id)
    assert index.gone == [note.id]
    async with world.store.system_transaction() as uow:
        assert await _notes(uow, world.tenant_id) == []


@dataclass
class Kept(Forgotten):
    """An index that keeps episodes."""

    episodes: list[Episode] = field(default_factory=list)

    async def remember(self, episode: Episode) -> None:
        self.episodes.append(episode)


async def test_a_run_is_remembered_by_its_task_and_not_by_what_it_was_told_on_the_way(world: World) -> None:
    run, claim = await began(world)
    await steer(world, run, "in French")
    run_log = await log_for(world, claim)
    began_at, _, *rest = answer("oui " + fence(UNKNOWN, "recalled of old", limit=100))
    heard = tuple(each.message_id for each in run_log.state.unheard)
    called = thought("oui").model_copy(update={"answer": "oui", "heard": heard})
    await run_log.commit([began_at, *new(called, step=1), *rest])
    index: Any = Kept()
    await RememberRun(world.store, index, NOBODY)(world.tenant_id, run.id)
    (episode,) = index.episodes
    assert "task" in episode.title
    assert "French" not in episode.title
    assert "oui" in episode.content
    assert "recalled of old" not in episode.content


async def _notes(uow: UnitOfWork, tenant_id: TenantId) -> list[Any]:
    return list((await uow.memories.list(tenant_id, PageOf())).items)


async def test_a_waiting_run_that_is_undone_owes_the_forgetting(world: World) -> None:
    run, claim = await began(world)
    async with world.store.system_transaction() as uow:
        await uow.run_stops.request_pause(run.tenant_id, run.id, reason="hm")
    await (await log_for(world, claim)).commit(new(RunWaiting(reason=WaitReason(kind="paused"), partial_output="p")))
    await submit(world, "instead", world.session, "rollback")
    assert (await world.run(run.id)).status == "cancelled"
    async with world.store._pool.connection() as connection:  # type: ignore[attr-defined]
        found = await (await connection.execute("SELECT subject_id FROM jobs")).fetchall()
    assert [row[0] for row in found] == [run.id]


async def test_interrupting_keeps_what_a_waiting_run_had_written(world: World) -> None:
    run, claim = await began(world)
    async with world.store.system_transaction() as uow:
        await uow.run_stops.request_pause(run.tenant_id, run.id, reason="hm")
    waiting = RunWaiting(reason=WaitReason(kind="paused"), partial_output="half", label=OWN)
    await (await log_for(world, claim)).commit(new(waiting))
    last = (await submit(world, "go on", world.session, "interrupt")).run
    history = [(message.role, message.content) for message in (await state_of(world, last)).history]
    assert history == [("user", "task"), ("assistant", "half")]
    cancelled = await CancelRun(world.store, NOBODY, NOBODY)(world.tenant_id, run.id, reason="again")
    assert cancelled.status == "cancelled"


def test_a_steering_message_is_a_user_s_message_like_any_other() -> None:
    assert said("x").steers is False
    assert (
        MessageCreated.model_validate({"message_id": uuid4(), "content": "old rows have no such field"}).steers is False
    )
    assert ModelCalled.model_validate({**thought().model_dump(), "heard": []}).heard == ()
