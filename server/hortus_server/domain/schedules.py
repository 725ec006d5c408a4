"""When a schedule is due, and what becomes of due times that were missed. No clock and no I/O in here.

A due time is an instant in UTC. Cron expressions are read in a time zone the way Debian's cron does: a job at a fixed
time that the clock skips runs right after the gap, one that the clock repeats runs once; a job whose minute or hour is
a wildcard follows real time through both.
"""

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, assert_never, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, field_validator

from hortus_server.domain.ids import AgentId, RunId, ScheduleId, SessionId, TenantId

CatchUp = Literal["skip", "one", "all"]
Overlap = Literal["allow", "skip", "queue", "cancel_running"]
FiringOutcome = Literal["submitted", "skipped", "missed", "failed"]

CRON_FIELDS = 5
LONGEST_INTERVAL_S = 366 * 86_400
ON_TIME = timedelta(seconds=60)
"""A due time this old still counts as reached in time; older ones were missed."""

_EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
_LATEST = datetime(9000, 1, 1, tzinfo=UTC)
# Longer than any change of clocks: where the backward walk begins, so that it passes the repeated hour as a whole.
_CLOCK_CHANGE = timedelta(hours=3)
_DUPLICATES_AT_MOST = 200  # due times that one change of clocks moves onto the same instant, or behind it


class _Timing(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CronTiming(_Timing):
    """Five fields (minute, hour, day of month, month, day of week) in an IANA time zone."""

    kind: Literal["cron"] = "cron"
    time_zone: str = Field(default="UTC", min_length=1, max_length=64, examples=["Europe/Berlin"])
    expression: str = Field(min_length=9, max_length=200, examples=["30 8 * * MON-FRI"])

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"{name!r} is no IANA time zone; one is Europe/Berlin") from error
        return name

    @field_validator("expression")
    @classmethod
    def _ever_fires(cls, expression: str) -> str:
        if len(expression.split()) != CRON_FIELDS:
            raise ValueError("a cron expression has five fields: minute, hour, day of month, month, day of week")
        try:
            found = next(CronSim(expression, datetime(2024, 1, 1, tzinfo=UTC)), None)
        except CronSimError as error:
            raise ValueError(f"{error} in the cron expression, or it never fires") from error
        if found is None:
            raise ValueError("this cron expression never fires (looked 50 years ahead)")
        return expression


class IntervalTiming(_Timing):
    """Every so many seconds, counted from `start_at`; without it, from the schedule's creation."""

    kind: Literal["interval"] = "interval"
    every_s: int = Field(ge=1, le=LONGEST_INTERVAL_S, examples=[900])
    start_at: AwareDatetime | None = Field(default=None, ge=_EARLIEST, le=_LATEST)


class OnceTiming(_Timing):
    """One time only."""

    kind: Literal["once"] = "once"
    at: AwareDatetime = Field(ge=_EARLIEST, le=_LATEST)


Timing = Annotated[CronTiming | IntervalTiming | OnceTiming, Field(discriminator="kind")]
TIMING: TypeAdapter[Timing] = TypeAdapter(cast("Any", Timing))  # a union is no type to every version of mypy


@dataclass(frozen=True, slots=True)
class Schedule:
    """Something to submit at due times. `next_due_at` is None while paused, and for ever after the last due time.

    `agent_version` None means the version that new runs use at that time; `session_id` None means a session of its
    own for each run. `limits` names only the bounds to lower.
    """

    id: ScheduleId
    tenant_id: TenantId
    name: str
    timing: Timing
    agent_id: AgentId
    agent_version: int | None
    session_id: SessionId | None
    input: str
    limits: Mapping[str, float]
    catch_up: CatchUp
    catch_up_limit: int
    overlap: Overlap
    next_due_at: datetime | None
    paused_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Firing:
    """What became of one due time; `missed` stands for it and those right after it, `reason` says which."""

    schedule_id: ScheduleId
    due_at: datetime
    fired_at: datetime
    outcome: FiringOutcome
    run_id: RunId | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class DuePlan:
    """What to do with the due times up to now: `missed` are let go (first and last of them), `due_at` is to be fired.

    `next_due_at` is the first due time that this plan leaves over; it may be past when several are caught up with.
    """

    missed: tuple[datetime, datetime] | None
    due_at: datetime | None
    next_due_at: datetime | None


def due_after(timing: Timing, after: datetime) -> datetime | None:
    """The first due time later than `after`; None when there is none."""
    match timing:
        case CronTiming():
            return next(_cron_after(timing, after), None)
        case IntervalTiming(every_s=every_s, start_at=start_at):
            start = start_at or after
            rounds = max(0, math.floor((after - start) / timedelta(seconds=every_s)) + 1)
            return (start + timedelta(seconds=rounds * every_s)).astimezone(UTC)
        case OnceTiming(at=at):
            return at.astimezone(UTC) if at > after else None
        case _ as unreachable:
            assert_never(unreachable)


def next_due_times(timing: Timing, after: datetime, count: int) -> tuple[datetime, ...]:
    """Up to `count` due times later than `after`, in order."""
    if isinstance(timing, CronTiming):
        return tuple(itertools.islice(_cron_after(timing, after), count))
    found: list[datetime] = []
    due = due_after(timing, after)
    while due is not None and len(found) < count:
        found.append(due)
        due = due_after(timing, due)
    return tuple(found)


def last_due_times(timing: Timing, first: datetime, until: datetime, count: int) -> tuple[datetime, ...]:
    """The last `count` due times from `first` (itself due) to `until`, in order; the cost grows with `count` only."""
    match timing:
        case CronTiming():
            walk = itertools.takewhile(lambda due: due > first, _cron_before(timing, until))
            found = list(itertools.islice(walk, count))
            return tuple(reversed(found if len(found) == count else [*found, first]))
        case IntervalTiming(every_s=every_s):
            rounds = math.floor((until - first) / timedelta(seconds=every_s))
            kept = range(max(0, rounds - count + 1), rounds + 1)
            return tuple(first + timedelta(seconds=place * every_s) for place in kept)
        case OnceTiming():
            return (first,)
        case _ as unreachable:
            assert_never(unreachable)


def plan_due(schedule: Schedule, first: datetime, now: datetime) -> DuePlan:
    """Decide on the due times from `first` (itself due, not later than `now`) to `now`, by the catch-up policy.

    `skip` fires the last one if it was reached in time; `one` fires the last one however late; `all` fires the last
    `catch_up_limit` of them, one for each plan.
    """
    timing = schedule.timing
    match schedule.catch_up:
        case "all":
            due = last_due_times(timing, first, now, schedule.catch_up_limit)[0]
        case "one":
            due = last_due_times(timing, first, now, 1)[0]
        case "skip":
            due = last_due_times(timing, first, now, 1)[0]
            if now - due > ON_TIME:
                return DuePlan((first, due), None, due_after(timing, due))
        case _ as unreachable:
            assert_never(unreachable)
    if due == first:
        return DuePlan(None, due, due_after(timing, due))
    return DuePlan((first, _due_before(timing, first, due)), due, due_after(timing, due))


def _due_before(timing: Timing, first: datetime, due: datetime) -> datetime:
    return last_due_times(timing, first, due - timedelta(microseconds=1), 1)[0]


def _cron_after(timing: CronTiming, after: datetime) -> Iterator[datetime]:
    simulated = CronSim(timing.expression, after.astimezone(ZoneInfo(timing.time_zone)))
    last = after.astimezone(UTC)
    stuck = 0
    # A change of clocks moves some local times onto the same instant, and a repeated one before where we are.
    for local in simulated:
        due = local.astimezone(UTC)
        if due > last:
            yield due
            last, stuck = due, 0
        elif (stuck := stuck + 1) > _DUPLICATES_AT_MOST:
            return


def _cron_before(timing: CronTiming, until: datetime) -> Iterator[datetime]:
    """Due times not later than `until`, backwards."""
    begin = (until + _CLOCK_CHANGE).astimezone(ZoneInfo(timing.time_zone))
    last = until.astimezone(UTC) + timedelta(microseconds=1)
    for local in CronSim(timing.expression, begin, reverse=True):
        due = local.astimezone(UTC)
        if due < last:
            yield due
            last = due
