"""Due times on a real PostgreSQL: each one fires once, whoever looks, whatever fails."""

import asyncio
from datetime import timedelta

import pytest
from schedule_world import MINUTE, START, Timetable, ids
from store_world import World

from hortus_agents.spec import AgentSpec
from hortus_server.domain.ids import SessionId, new_id
from hortus_server.domain.schedules import CronTiming, OnceTiming
from hortus_server.services.change_schedule import ChangeSchedule


@pytest.fixture
def timetable(world: World) -> Timetable:
    return Timetable(world)


async def look(timetable: Timetable, *, after: timedelta = MINUTE) -> int:
    timetable.clock.pass_(after)
    return await timetable.process()()


async def test_nothing_fires_before_its_time(timetable: Timetable):
    schedule = await timetable.add()
    assert await look(timetable, after=timedelta(seconds=59.9)) == 0
    assert await timetable.runs() == []
    assert (await timetable.get(schedule)).next_due_at == START + MINUTE


async def test_a_due_time_submits_a_run_in_a_session_of_its_own(timetable: Timetable):
    schedule = await timetable.add(limits={"steps": 3})
    assert await look(timetable) == 1
    (run,) = await timetable.runs()
    (firing,) = await timetable.firings(schedule)
    assert (firing.due_at, firing.outcome, firing.run_id) == (START + MINUTE, "submitted", run.id)
    assert (run.agent_id, run.limits.steps) == (schedule.agent_id, 3)
    assert timetable.heard.woken == [run.id]
    assert [event.type for event in timetable.heard.published] == ["session.created", "message.created", "run.queued"]
    async with timetable.world.store.system_transaction() as uow:
        session = await uow.sessions.get(run.tenant_id, run.session_id)
    assert session.title == "report"
    assert session.metadata["schedule_id"] == str(schedule.id)
    assert (await timetable.get(schedule)).next_due_at == START + 2 * MINUTE


async def test_twenty_processes_at_once_fire_a_due_time_once(timetable: Timetable):
    schedules = [await timetable.add(f"s{number}") for number in range(5)]
    timetable.clock.pass_(MINUTE)
    async with asyncio.TaskGroup() as group:
        looks = [group.create_task(timetable.process()()) for _ in range(20)]
    assert sum(task.result() for task in looks) == 5
    assert len(await timetable.runs()) == 5
    for schedule in schedules:
        assert [firing.due_at for firing in await timetable.firings(schedule)] == [START + MINUTE]
    assert sorted(timetable.heard.woken) == sorted(ids(await timetable.runs()))


async def test_processes_that_race_to_catch_up_fire_each_due_time_once(timetable: Timetable):
    schedule = await timetable.add(catch_up="all", catch_up_limit=10)
    timetable.clock.pass_(7 * MINUTE)
    async with asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(timetable.process()())
    await timetable.process()()
    assert [firing.due_at for firing in await timetable.firings(schedule)] == [
        START + number * MINUTE for number in range(1, 8)
    ]
    assert len(await timetable.runs()) == 7


async def test_a_process_that_dies_before_its_commit_leaves_the_due_time_to_another(timetable: Timetable):
    schedule = await timetable.add()
    timetable.clock.pass_(MINUTE)

    async def die() -> None:
        async with timetable.world.store.system_transaction() as uow:
            assert await uow.firings.take_due(timetable.clock()) == schedule
            assert await timetable.process()() == 0  # somebody else deals with it
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await die()
    assert await timetable.runs() == []
    assert await timetable.process()() == 1
    assert len(await timetable.runs()) == 1


@pytest.mark.parametrize(
    ("catch_up", "outcomes"),
    [
        ("skip", ["missed"]),
        ("one", ["missed", "submitted"]),
        ("all", ["missed", "submitted", "submitted", "submitted"]),
    ],
)
async def test_after_an_outage_the_policy_decides_what_is_caught_up(
    timetable: Timetable, catch_up: str, outcomes: list[str]
):
    timing = CronTiming(expression="0 * * * *", time_zone="Europe/Berlin")
    schedule = await timetable.add(timing=timing, catch_up=catch_up, catch_up_limit=3)
    await look(timetable, after=timedelta(days=2, minutes=20))
    firings = await timetable.firings(schedule)
    assert [firing.outcome for firing in firings] == outcomes
    assert firings[0].due_at == START + timedelta(hours=1)
    assert firings[0].reason.startswith("due from 2026-03-01T13:00:00+00:00 to 2026-03-03T")
    assert (await timetable.get(schedule)).next_due_at == START + timedelta(days=2, hours=1)
    assert await timetable.process()() == 0


async def test_skip_passes_by_while_a_run_has_not_ended(timetable: Timetable):
    schedule = await timetable.add(overlap="skip")
    await look(timetable)
    await look(timetable)
    (run,) = await timetable.runs()
    firings = await timetable.firings(schedule)
    assert [firing.outcome for firing in firings] == ["submitted", "skipped"]
    assert firings[1].reason == f"run {run.id} has not ended"
    await timetable.world.finish(await timetable.world.claim(run))
    await look(timetable)
    assert len(await timetable.runs()) == 2


async def test_allow_runs_side_by_side_and_queue_one_behind_the_other(timetable: Timetable):
    await timetable.add("beside", overlap="allow")
    await look(timetable)
    await look(timetable)
    assert len({run.session_id for run in await timetable.runs()}) == 2
    queued = await timetable.add("behind", overlap="queue")
    for _ in range(3):
        await look(timetable)
    behind = [firing.run_id for firing in await timetable.firings(queued)]
    sessions = {run.session_id for run in await timetable.runs() if run.id in behind}
    assert len(behind) == 3
    assert len(sessions) == 1


async def test_cancel_running_stops_what_has_not_ended_first(timetable: Timetable):
    schedule = await timetable.add(overlap="cancel_running")
    await look(timetable)
    await look(timetable)
    first, second = await timetable.runs()
    assert (first.status, second.status) == ("cancelled", "queued")
    claim = await timetable.world.claim(second)
    await look(timetable)
    assert (await timetable.world.run(second.id)).cancel_requested_at is not None
    assert claim is not None
    assert [firing.outcome for firing in await timetable.firings(schedule)] == ["submitted"] * 3
    assert timetable.heard.published[-1].type == "run.queued"


async def test_a_fixed_session_and_a_pinned_version_are_kept(timetable: Timetable):
    world = timetable.world
    async with world.store.system_transaction() as uow:
        await uow.agents.add_version(world.tenant_id, world.agent.id, AgentSpec(instructions="new"))
    pinned = await timetable.add("pinned", session_id=world.session.id, agent_version=1)
    current = await timetable.add("current")
    await look(timetable)
    runs = {run.id: run for run in await timetable.runs()}
    by_pinned = runs[(await timetable.firings(pinned))[0].run_id]
    by_current = runs[(await timetable.firings(current))[0].run_id]
    assert (by_pinned.session_id, by_pinned.agent_version_id) == (world.session.id, world.version.id)
    assert by_current.agent_version_id != world.version.id


async def test_what_fails_is_recorded_with_its_reason_and_stops_no_other(timetable: Timetable):
    failing = await timetable.add("failing", session_id=SessionId(new_id()))
    healthy = await timetable.add("healthy")
    await look(timetable)
    (firing,) = await timetable.firings(failing)
    assert (firing.outcome, firing.run_id) == ("failed", None)
    assert firing.reason == f"no session {failing.session_id}"
    assert [one.outcome for one in await timetable.firings(healthy)] == ["submitted"]
    assert (await timetable.get(failing)).next_due_at == START + 2 * MINUTE
    assert len(await timetable.runs()) == 1


async def test_a_full_queue_is_a_reason(timetable: Timetable):
    schedule = await timetable.add()
    timetable.clock.pass_(MINUTE)
    await timetable.process(queue_depth=0)()
    assert (await timetable.firings(schedule))[0].reason == "0 runs are queued already"


async def test_a_zone_that_is_gone_stops_its_schedule_and_no_other(timetable: Timetable):
    gone = CronTiming.model_construct(kind="cron", expression="* * * * *", time_zone="Mars/Olympus")
    stopped = await timetable.add("gone", timing=gone, next_due_at=START + MINUTE / 2)
    healthy = await timetable.add("healthy")
    assert await look(timetable) == 2
    (firing,) = await timetable.firings(stopped)
    assert firing.outcome == "failed"
    assert "ZoneInfoNotFoundError" in firing.reason
    assert (await timetable.get(stopped)).next_due_at is None
    assert len(await timetable.firings(healthy)) == 1


async def test_a_look_is_bounded_and_the_next_one_goes_on(timetable: Timetable):
    for number in range(5):
        await timetable.add(f"s{number}")
    timetable.clock.pass_(MINUTE)
    assert await timetable.process(limit=3)() == 3
    assert await timetable.process(limit=3)() == 2


async def test_a_single_time_fires_once_and_is_over(timetable: Timetable):
    schedule = await timetable.add(timing=OnceTiming(at=START + MINUTE))
    for _ in range(3):
        await look(timetable)
    assert len(await timetable.runs()) == 1
    assert (await timetable.get(schedule)).next_due_at is None


async def test_a_paused_schedule_does_not_fire_and_catches_nothing_up(timetable: Timetable):
    schedule = await timetable.add(catch_up="all")
    change = ChangeSchedule(timetable.world.store, timetable.clock)
    await change.pause(schedule.tenant_id, schedule.id)
    assert await look(timetable, after=10 * MINUTE) == 0
    await change.resume(schedule.tenant_id, schedule.id)
    assert await look(timetable) == 1
    assert [firing.due_at for firing in await timetable.firings(schedule)] == [START + 11 * MINUTE]


async def test_a_due_time_that_was_dealt_with_is_not_dealt_with_again_after_a_clock_went_back(timetable: Timetable):
    schedule = await timetable.add()
    await look(timetable)
    change = ChangeSchedule(timetable.world.store, timetable.clock)
    await change.pause(schedule.tenant_id, schedule.id)
    timetable.clock.pass_(-MINUTE / 2)
    await change.resume(schedule.tenant_id, schedule.id)
    await look(timetable)
    assert len(await timetable.runs()) == 1
    assert (await timetable.get(schedule)).next_due_at == START + 2 * MINUTE


async def test_old_firings_are_forgotten(timetable: Timetable):
    schedule = await timetable.add()
    await look(timetable)
    async with timetable.world.store.system_transaction() as uow:
        assert await uow.firings.purge(older_than=timedelta(days=365 * 50)) == 0
        assert await uow.firings.purge(older_than=timedelta(days=-365 * 50)) == 1
    assert await timetable.firings(schedule) == []
    assert len(await timetable.runs()) == 1
