"""Approvals over real rows: asked once, decided once by enough people, used once, and closed with their run."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest
from agent_world import EchoTool
from approval_world import ANN, BOB, Desk
from store_world import ENDED, PageOf, make_world

from hortus_agents.errors import ApprovalMissingError
from hortus_agents.events import NewEvent, RunResumed, RunWaiting, ToolCalled, WaitReason
from hortus_agents.spec import ApprovalSpec
from hortus_agents.tools.builtin.ask_human import AskHumanTool
from hortus_agents.tools.builtin.timer import SleepTool
from hortus_agents.tools.port import SideEffect
from hortus_server.domain.approvals import ApprovalFilter, Ruling
from hortus_server.domain.errors import ApprovalClosedError, ConflictError, InvalidInputError, NotFoundError
from hortus_server.domain.stops import Reach
from hortus_server.services.pause_run import PauseRun, ResumeRun
from hortus_server.services.project_waits import project_waits
from hortus_server.services.run_log import StopDueError
from hortus_server.services.stop_runs import StopRuns


@pytest.fixture
def desk(world) -> Desk:
    return Desk(world)


async def unchanged(desk, run, approval):
    return (await desk.world.run(run.id), await desk.types(run), (await desk.inbox(run, status=None))[0] == approval)


async def test_a_waiting_run_shows_what_it_waits_for_and_the_inbox_shows_the_very_call(desk):
    run = await desk.start()
    approval = await desk.asked(run)
    waiting = (await desk.world.run(run.id)).waiting_for
    assert (waiting.kind, waiting.ref_id, waiting.due_at) == ("approval", approval.id, approval.expires_at)
    assert (approval.tool, approval.arguments, approval.side_effect) == ("echo", {"text": "hi"}, 0)
    assert (approval.agent_name, approval.session_title) == ("gardener", "another")
    assert (approval.allowed, approval.persons_missing, approval.overdue) == (("approve", "deny"), 1, False)


async def test_an_approval_wakes_the_run_and_its_call_runs_once(desk):
    run = await desk.start()
    approval = await desk.asked(run)
    decided = await desk.decide(approval.id, "approve", reason="fine")
    assert (decided.status, decided.decisions[0].by_name, decided.decisions[0].reason) == ("approved", "ann", "fine")
    assert desk.told.woken == [run.id]
    assert (await desk.world.run(run.id)).status == "queued"
    await desk.work(run)
    assert (await desk.world.run(run.id)).status == "succeeded"
    assert len(desk.tool.calls) == 1
    (used,) = await desk.inbox(run, status=None)
    assert used.used_at is not None
    types = await desk.types(run)
    assert types[types.index("approval.requested") :][:5] == [
        "approval.requested", "run.waiting", "approval.decided", "run.resumed", "run.started",
    ]  # fmt: skip


async def test_a_denial_is_told_to_the_model_and_nothing_runs(desk):
    run = await desk.start()
    await desk.decide((await desk.asked(run)).id, "deny", reason="not today")
    await desk.work(run)
    finished = [e.payload for e in await desk.world.log(run.session_id) if e.type == "tool.finished"]
    assert (finished[0].outcome, "not today" in finished[0].content) == ("denied", True)
    assert desk.tool.calls == []
    assert (await desk.world.run(run.id)).status == "succeeded"


@pytest.mark.parametrize("first", ["approve", "deny"])
async def test_what_is_decided_stays_decided(desk, first):
    run = await desk.start()
    approval = await desk.asked(run)
    decided = await desk.decide(approval.id, first)
    before = await unchanged(desk, run, decided)
    for decision in ("approve", "deny"):
        with pytest.raises(ApprovalClosedError) as refused:
            await desk.decide(approval.id, decision, by=BOB)
        assert refused.value.status == decided.status
    assert await unchanged(desk, run, decided) == before


async def test_what_cannot_be_taken_back_needs_two_different_people(world):
    desk = Desk(world, EchoTool(side_effect=SideEffect.IRREVERSIBLE))
    run = await desk.start()
    approval = await desk.asked(run)
    assert approval.persons == 2
    assert (await desk.decide(approval.id, "approve")).persons_missing == 1
    with pytest.raises(ConflictError, match="ann has decided"):
        await desk.decide(approval.id, "approve")
    with pytest.raises(ConflictError, match="ann has decided"):
        await desk.decide(approval.id, "deny")
    assert (await desk.world.run(run.id)).status == "waiting"
    assert desk.told.woken == []
    assert (await desk.decide(approval.id, "approve", by=BOB)).status == "approved"
    await desk.work(run)
    assert len(desk.tool.calls) == 1


async def test_one_no_is_enough_whoever_said_yes_before(world):
    desk = Desk(world, EchoTool(side_effect=SideEffect.IRREVERSIBLE))
    run = await desk.start()
    approval = await desk.asked(run)
    await desk.decide(approval.id, "approve")
    assert (await desk.decide(approval.id, "deny", by=BOB)).status == "denied"
    await desk.work(run)
    assert desk.tool.calls == []


async def test_two_people_who_decide_at_once_take_turns(world):
    desk = Desk(world)
    run = await desk.start()
    approval = await desk.asked(run)
    results = await asyncio.gather(
        desk.decide(approval.id, "approve"), desk.decide(approval.id, "deny", by=BOB), return_exceptions=True
    )
    assert sum(isinstance(result, ApprovalClosedError) for result in results) == 1
    assert (await desk.types(run)).count("approval.decided") == 1


async def test_out_of_time_means_no_at_once_and_is_written_once_however_many_look(desk):
    run = await desk.start()
    approval = await desk.asked(run)
    await desk.run_out_of_time(approval.id)
    with pytest.raises(ApprovalClosedError, match="ran out of time"):
        await desk.decide(approval.id, "approve")
    assert (await desk.asked(run)).allowed == ()
    others = [Desk(desk.world) for _ in range(3)]
    ended = await asyncio.gather(*(one.end_waits() for one in [desk, *others]))
    assert sum(ended) == 1
    types = await desk.types(run)
    assert (types.count("approval.expired"), types.count("run.resumed")) == (1, 1)
    await desk.work(run)
    assert desk.tool.calls == []
    assert (await desk.inbox(run, status=None))[0].status == "expired"


async def test_cancelling_the_run_closes_what_it_asked(desk):
    run = await desk.start()
    approval = await desk.asked(run)
    await desk.cancel_run(desk.world.tenant_id, run.id, reason="enough")
    (closed,) = await desk.inbox(run, status=None)
    assert (closed.status, closed.allowed) == ("cancelled", ())
    before = await desk.types(run)
    with pytest.raises(ApprovalClosedError) as refused:
        await desk.decide(approval.id, "approve")
    assert refused.value.status == "cancelled"
    assert await desk.types(run) == before


async def test_a_run_that_is_to_be_cancelled_takes_no_decision(desk):
    run = await desk.start()
    approval = await desk.asked(run)
    async with desk.world.store.system_transaction() as uow:
        await uow.run_stops.request_cancel_all(desk.world.tenant_id, agent_id=None, reason="all of them")
    with pytest.raises(ApprovalClosedError, match="is over"):
        await desk.decide(approval.id, "approve")
    assert (await desk.asked(run)) == approval


async def test_all_runs_of_a_tenant_can_be_cancelled_while_they_ask(desk):
    runs = [await desk.start() for _ in range(3)]
    stops = StopRuns(desk.world.store, desk.cancel_run, desk.decide_approval.waking)
    assert await stops.cancel_all(desk.world.tenant_id, agent_id=None, reason="unsafe") == 3
    assert await desk.inbox() == ()
    for run in runs:
        assert (await desk.world.run(run.id)).status == "cancelled"


async def test_another_tenant_neither_sees_nor_decides(desk):
    run = await desk.start()
    approval = await desk.asked(run)
    stranger = await make_world(desk.world.store, "umbrella")
    with pytest.raises(NotFoundError):
        await desk.decide_approval(stranger.tenant_id, approval.id, ruling=Ruling("approve"), decider=BOB)
    with pytest.raises(NotFoundError):
        await desk.decide_approval.answer_run(stranger.tenant_id, run.id, ruling=Ruling("answer"), decider=BOB)
    assert await Desk(stranger).inbox() == ()
    assert (await desk.asked(run)) == approval


@pytest.mark.parametrize("decision", ["answer", "happened", "run_again", "give_up"])
async def test_a_decision_has_to_fit_what_is_asked(desk, decision):
    run = await desk.start()
    approval = await desk.asked(run)
    with pytest.raises(InvalidInputError, match="approve, deny"):
        await desk.decide(approval.id, decision)
    assert (await desk.asked(run)) == approval


async def test_a_paused_run_takes_its_approval_and_goes_on_only_when_it_is_resumed(desk):
    run = await desk.start()
    approval = await desk.asked(run)
    store, waking = desk.world.store, desk.decide_approval.waking
    await PauseRun(store, desk.told)(desk.world.tenant_id, run.id, reason="look first")
    await desk.decide(approval.id, "approve")
    found = await desk.world.run(run.id)
    assert (found.status, found.pause_requested_at is not None) == ("queued", True)
    await ResumeRun(store, waking)(desk.world.tenant_id, run.id, reason="go", by="ann")
    await desk.work(run)
    assert len(desk.tool.calls) == 1


async def test_a_freeze_keeps_an_approved_call_from_running_and_its_approval_unused(world):
    desk = Desk(world, EchoTool(side_effect=SideEffect.EXTERNAL))
    run = await desk.start()
    await desk.decide((await desk.asked(run)).id, "approve")
    async with world.store.system_transaction() as uow:
        await uow.stop_orders.place(world.tenant_id, Reach.of_all(), "freeze", reason="stop", placed_by="test")
    claim = await world.claim(run, lease=ENDED)
    with pytest.raises(StopDueError):
        await desk.drive(claim)
    (approval,) = await desk.inbox(run, status="approved")
    assert (desk.tool.calls, approval.used_at) == ([], None)
    async with world.store.system_transaction() as uow:
        await uow.stop_orders.lift(world.tenant_id, Reach.of_all(), "freeze", lifted_by="test")
    await desk.work(run)
    assert len(desk.tool.calls) == 1


async def test_a_resume_is_no_approval(desk):
    run = await desk.start()
    with pytest.raises(ConflictError, match="waits for: approval"):
        await ResumeRun(desk.world.store, desk.decide_approval.waking)(
            desk.world.tenant_id, run.id, reason="go", by="ann"
        )
    assert (await desk.world.run(run.id)).status == "waiting"


async def test_a_run_that_wakes_without_a_decision_waits_again_and_does_not_ask_twice(desk):
    run = await desk.start()
    approval = await desk.asked(run)
    async with desk.world.store.system_transaction() as uow:
        locked = await uow.run_stops.lock(desk.world.tenant_id, run.id)
        await desk.decide_approval.waking.wake(uow, locked, reason="by mistake")
    state = await desk.work(run)
    assert state is not None
    assert state.parked
    assert (await desk.asked(run)) == approval
    assert desk.tool.calls == []


@pytest.mark.parametrize("dies_after", [0, 1, 2])
async def test_a_worker_that_dies_after_the_approval_costs_nothing(desk, dies_after):
    run = await desk.start()
    await desk.decide((await desk.asked(run)).id, "approve")
    await desk.work(run, dies_after=dies_after)
    await desk.work(run)
    assert (await desk.world.run(run.id)).status == "succeeded"
    assert len({call_id for call_id, _ in desk.tool.calls}) == 1
    assert (await desk.types(run)).count("tool.called") == 1


async def append(desk, claim, *payloads):
    run = claim.run
    async with desk.world.store.system_transaction() as uow:
        events = await uow.events.append(
            run.tenant_id, run.session_id, [NewEvent(step=1, payload=one) for one in payloads], run_id=run.id,
            generation=claim.generation,
        )  # fmt: skip
        return await project_waits(uow, run, events)


@pytest.mark.parametrize("fault", ["undecided", "used", "other_hash", "other_call", "denied", "unknown"])
async def test_a_call_without_a_fitting_approval_cannot_be_written(desk, fault):
    run = await desk.start()
    approval = await desk.asked(run)
    if fault != "undecided":
        await desk.decide(approval.id, "deny" if fault == "denied" else "approve")
    else:
        async with desk.world.store.system_transaction() as uow:
            locked = await uow.run_stops.lock(desk.world.tenant_id, run.id)
            await desk.decide_approval.waking.wake(uow, locked, reason="by mistake")
    claim = await desk.world.claim(run)
    called = ToolCalled(
        call_id=approval.call_id, name="echo", arguments=dict(approval.arguments), approval_id=approval.id,
        call_sha256=approval.call_sha256,
    )  # fmt: skip
    changes = {
        "other_hash": {"call_sha256": "0" * 64},
        "other_call": {"call_id": "another"},
        "unknown": {"approval_id": uuid4()},
    }
    if fault == "used":
        await append(desk, claim, called)
    before = await desk.types(run)
    with pytest.raises(ApprovalMissingError):
        await append(desk, claim, called.model_copy(update=changes.get(fault, {})))
    assert await desk.types(run) == before


async def test_a_run_does_not_park_for_what_was_decided_meanwhile(desk):
    run = await desk.start()
    approval = await desk.asked(run)
    await desk.decide(approval.id, "approve")
    claim = await desk.world.claim(run)
    waiting = RunWaiting(reason=WaitReason(kind="approval", ref_id=approval.id))
    assert not await append(desk, claim, waiting)


@pytest.mark.parametrize(
    "arguments",
    [{"text": "a\0b"}, {"text": "ü\N{SEEDLING}"}, {"text": "x", "n": [1e16, 1.5, -0.0, 10**30, 1e-7, True, None]}],
)
async def test_the_log_gives_back_the_call_that_was_approved(world, arguments):
    """Numbers and text take other forms in the database; the hash is over what they mean."""
    desk = Desk(world, AnyTool(), arguments)
    run = await desk.start()
    await desk.decide((await desk.asked(run)).id, "approve")
    await desk.work(run)
    assert len(desk.tool.calls) == 1


class AnyTool(EchoTool):
    @property
    def definition(self):
        found = super().definition
        return replace(found, spec=found.spec.model_copy(update={"parameters": {"type": "object"}}))


async def test_a_question_is_answered_by_its_run(world):
    question = {"question": "Which colour?", "choices": ["red", "blue"]}
    desk = Desk(world, AskHumanTool(), question, ApprovalSpec())
    run = await desk.start()
    asked = await desk.asked(run)
    assert (asked.kind, asked.reason, asked.choices) == ("question", "Which colour?", ("red", "blue"))
    tenant_id = world.tenant_id
    with pytest.raises(InvalidInputError, match="red, blue"):
        await desk.decide_approval.answer_run(tenant_id, run.id, ruling=Ruling("answer", "", "green"), decider=ANN)
    answered = await desk.decide_approval.answer_run(
        tenant_id, run.id, ruling=Ruling("answer", "", "blue"), decider=ANN
    )
    assert answered.status == "answered"
    with pytest.raises(ConflictError, match="asked nothing"):
        await desk.decide_approval.answer_run(tenant_id, run.id, ruling=Ruling("answer", "", "red"), decider=ANN)
    await desk.work(run)
    finished = next(e.payload for e in await world.log(run.session_id) if e.type == "tool.finished")
    assert (finished.outcome, finished.content, finished.origin) == ("ok", "blue", "user")


async def test_an_approval_is_not_answered_by_its_run(desk):
    run = await desk.start()
    with pytest.raises(ConflictError):
        await desk.decide_approval.answer_run(
            desk.world.tenant_id, run.id, ruling=Ruling("answer", "", "yes"), decider=ANN
        )


async def interrupted(world, **policy):
    """A run whose worker died inside its call."""

    class Died(BaseException):
        pass

    async def die(_context):
        if len(tool.calls) == 1:
            raise Died

    tool = EchoTool(before=die, **policy)
    desk = Desk(world, tool, approval=ApprovalSpec())
    run = await world.submit(session=await world.another_session())
    with pytest.raises(Died):
        await desk.work(run, dies_after=99)
    await desk.work(run)
    return desk, run


async def test_a_call_in_doubt_asks_with_all_that_is_known_and_runs_again_only_when_told(world):
    desk, run = await interrupted(world, in_doubt="ask")
    asked = await desk.asked(run)
    assert (asked.kind, asked.tool, asked.arguments, asked.worker_id) == ("doubt", "echo", {"text": "hi"}, "w1")
    assert asked.started_at is not None
    assert asked.allowed == ("happened", "run_again", "give_up")
    await desk.decide(asked.id, "run_again")
    await desk.work(run)
    assert len(desk.tool.calls) == 2
    assert (await desk.types(run)).count("tool.called") == 2


@pytest.mark.parametrize(("decision", "answer"), [("happened", "it is done"), ("happened", None), ("give_up", None)])
async def test_a_call_in_doubt_is_not_repeated_by_any_other_word(world, decision, answer):
    desk, run = await interrupted(world, in_doubt="ask")
    await desk.decide((await desk.asked(run)).id, decision, answer=answer)
    await desk.work(run)
    assert (await world.run(run.id)).status == "succeeded"
    assert len(desk.tool.calls) == 1


async def test_a_timer_is_due_once_however_many_look(world):
    desk = Desk(world, SleepTool(), {"seconds": 3600}, ApprovalSpec())
    run = await desk.start()
    assert (await world.run(run.id)).waiting_for.kind == "timer"
    assert await desk.end_waits() == 0
    await desk.come_due(run)
    ended = await asyncio.gather(*(Desk(world).end_waits() for _ in range(4)))
    assert sum(ended) == 1
    types = await desk.types(run)
    assert types.count("run.resumed") == 1
    resumed = next(e.payload for e in await world.log(run.session_id) if isinstance(e.payload, RunResumed))
    assert resumed.ref_id is not None
    await desk.work(run)
    assert (await world.run(run.id)).status == "succeeded"


async def test_a_timer_ends_with_its_run(world):
    desk = Desk(world, SleepTool(), {"seconds": 3600}, ApprovalSpec())
    run = await desk.start()
    await desk.cancel_run(world.tenant_id, run.id, reason="enough")
    await desk.come_due(run)
    assert await desk.end_waits() == 0


async def test_a_deleted_session_takes_its_approvals_along(desk):
    run = await desk.start()
    await desk.cancel_run(desk.world.tenant_id, run.id, reason="gone")
    async with desk.world.store.system_transaction() as uow:
        await uow.sessions.delete(desk.world.tenant_id, run.session_id)
    assert await desk.inbox(status=None) == ()


async def test_the_inbox_is_paged_newest_first(desk):
    runs = [await desk.start() for _ in range(5)]
    seen, cursor = [], None
    while True:
        async with desk.world.store.system_transaction() as uow:
            page = await uow.approvals.list(desk.world.tenant_id, PageOf(2, cursor), which=ApprovalFilter())
        seen += [item.run_id for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [run.id for run in reversed(runs)]
