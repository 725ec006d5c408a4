"""Due times: cron over both changes of clocks, intervals that do not drift, what is done about missed ones."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise, takewhile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hortus_server.domain.ids import AgentId, ScheduleId, TenantId, new_id
from hortus_server.domain.schedules import (
    CronTiming,
    DuePlan,
    IntervalTiming,
    OnceTiming,
    Schedule,
    Timing,
    due_after,
    last_due_times,
    next_due_times,
    plan_due,
)

DAY = timedelta(days=1)
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOURLY = IntervalTiming(every_s=3600, start_at=NOON)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def berlin(expression: str) -> CronTiming:
    return CronTiming(expression=expression, time_zone="Europe/Berlin")


def due(timing: Timing, after: str, count: int) -> list[str]:
    return [found.strftime("%m-%d %H:%M") for found in next_due_times(timing, at(after), count)]


def schedule(timing: Timing, **changes: Any) -> Schedule:
    fields = {
        "id": ScheduleId(new_id()), "tenant_id": TenantId(new_id()), "name": "s", "timing": timing,
        "agent_id": AgentId(new_id()), "agent_version": None, "session_id": None, "input": "x", "limits": {},
        "catch_up": "one", "catch_up_limit": 3, "overlap": "skip", "next_due_at": None, "paused_at": None,
        "created_at": NOON, "updated_at": NOON, **changes,
    }  # fmt: skip
    return Schedule(**fields)


def test_a_local_time_keeps_its_hour_when_summer_begins_and_ends():
    assert due(berlin("30 8 * * *"), "2026-03-27T12:00", 3) == ["03-28 07:30", "03-29 06:30", "03-30 06:30"]
    assert due(berlin("30 8 * * *"), "2026-10-23T12:00", 3) == ["10-24 06:30", "10-25 07:30", "10-26 07:30"]


def test_a_time_that_the_clock_skips_fires_right_after_the_gap():
    # 02:30 does not exist on 29 March: the clock goes from 02:00 to 03:00 (01:00 UTC).
    assert due(berlin("30 2 * * *"), "2026-03-28T12:00", 2) == ["03-29 01:00", "03-30 00:30"]


def test_times_that_the_gap_joins_fire_once():
    assert due(berlin("0,15,30 2 * * *"), "2026-03-29T00:30", 2) == ["03-29 01:00", "03-30 00:00"]


def test_a_time_that_the_clock_repeats_fires_once():
    # 02:30 comes twice on 25 October, at 00:30 and 01:30 UTC.
    assert due(berlin("30 2 * * *"), "2026-10-24T12:00", 2) == ["10-25 00:30", "10-26 01:30"]
    for after in ("2026-10-25T00:30", "2026-10-25T00:45", "2026-10-25T01:10", "2026-10-25T01:30"):
        assert due(berlin("30 2 * * *"), after, 1) == ["10-26 01:30"]


def test_a_job_of_every_hour_follows_real_time_through_both_changes():
    assert due(berlin("0 * * * *"), "2026-03-29T00:30", 2) == ["03-29 01:00", "03-29 02:00"]
    assert due(berlin("0 * * * *"), "2026-10-24T23:30", 3) == ["10-25 00:00", "10-25 01:00", "10-25 02:00"]


def test_leap_days_are_found_years_ahead():
    timing = CronTiming(expression="0 0 29 2 *")
    assert [found.year for found in next_due_times(timing, NOON, 2)] == [2028, 2032]


def test_an_interval_counts_from_its_start_and_does_not_drift():
    assert due_after(HOURLY, NOON - DAY) == NOON
    assert due_after(HOURLY, NOON) == NOON + timedelta(hours=1)
    assert due_after(HOURLY, NOON + timedelta(hours=5, microseconds=1)) == NOON + timedelta(hours=6)


def test_a_single_time_is_due_once():
    once = OnceTiming(at=NOON)
    assert next_due_times(once, NOON - DAY, 5) == (NOON,)
    assert due_after(once, NOON) is None


def test_skip_fires_what_was_reached_in_time_and_lets_the_rest_go():
    plan = plan_due(schedule(HOURLY, catch_up="skip"), NOON, NOON + timedelta(hours=5, seconds=30))
    assert plan == DuePlan((NOON, NOON + timedelta(hours=4)), NOON + timedelta(hours=5), NOON + timedelta(hours=6))
    late = plan_due(schedule(HOURLY, catch_up="skip"), NOON, NOON + timedelta(hours=5, seconds=61))
    assert late == DuePlan((NOON, NOON + timedelta(hours=5)), None, NOON + timedelta(hours=6))


def test_one_fires_the_last_however_late():
    plan = plan_due(schedule(HOURLY, catch_up="one"), NOON, NOON + timedelta(hours=5, minutes=59))
    assert (plan.due_at, plan.next_due_at) == (NOON + timedelta(hours=5), NOON + timedelta(hours=6))
    assert plan_due(schedule(HOURLY), NOON, NOON) == DuePlan(None, NOON, NOON + timedelta(hours=1))


def test_all_fires_the_last_few_in_order():
    fired, missed, first, now = [], [], NOON, NOON + timedelta(hours=9, minutes=1)
    while first <= now:
        plan = plan_due(schedule(HOURLY, catch_up="all", catch_up_limit=3), first, now)
        fired.append(plan.due_at)
        missed.append(plan.missed)
        first = plan.next_due_at
    assert fired == [NOON + timedelta(hours=hours) for hours in (7, 8, 9)]
    assert missed == [(NOON, NOON + timedelta(hours=6)), None, None]


@pytest.mark.parametrize("catch_up", ["skip", "one", "all"])
def test_a_single_time_ends_its_schedule(catch_up: str):
    plan = plan_due(schedule(OnceTiming(at=NOON), catch_up=catch_up), NOON, NOON + timedelta(seconds=1))
    assert plan == DuePlan(None, NOON, None)


def test_years_of_missed_minutes_cost_no_more_than_what_is_caught_up():
    timing = CronTiming(expression="* * * * *", time_zone="America/New_York")
    began = datetime.now(UTC)
    found = last_due_times(timing, at("2016-01-01T00:00"), NOON, 100)
    assert (found[0], found[-1]) == (NOON - timedelta(minutes=99), NOON)
    assert (datetime.now(UTC) - began).total_seconds() < 1.0


EXPRESSIONS = ["30 2 * * *", "0,30 1-3 * * *", "*/20 * * * *", "15 */3 * * *", "0 9 * * MON-FRI", "59 2 1-7 * SUN"]
ZONES = ["Europe/Berlin", "America/New_York", "America/Santiago", "Asia/Kathmandu", "Africa/Casablanca", "UTC"]


@settings(max_examples=60)
@given(
    expression=st.sampled_from(EXPRESSIONS),
    zone=st.sampled_from(ZONES),
    days=st.floats(0, 1000, allow_nan=False),
    hours=st.integers(1, 24 * 9),
    keep=st.integers(1, 20),
)
def test_looking_back_finds_what_looking_ahead_found(expression, zone, days, hours, keep):
    timing = CronTiming(expression=expression, time_zone=zone)
    first = due_after(timing, at("2025-01-01T00:00") + days * DAY)
    until = first + timedelta(hours=hours)
    ahead = [first, *takewhile(lambda found: found <= until, next_due_times(timing, first, 3 * hours + 3))]
    assert list(last_due_times(timing, first, until, keep)) == ahead[-keep:]
    assert all(earlier < later for earlier, later in pairwise(ahead))
