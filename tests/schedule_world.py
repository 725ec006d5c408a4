"""Schedules over a real store, with a clock that stands until it is moved."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from store_world import World

from hortus_agents.events import Event
from hortus_server.domain.ids import JobId, RunId, ScheduleId, SessionId, TenantId, new_id
from hortus_server.domain.records import JobKind, Run
from hortus_server.domain.schedules import Firing, IntervalTiming, Schedule, due_after
from hortus_server.ports.live import TokenDelta
from hortus_server.services.cancel_run import CancelRun
from hortus_server.services.fire_schedules import FireSchedules
from hortus_server.services.submit_run import SubmitRun

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@dataclass
class Clock:
    """Stands still."""

    at: datetime = START

    def __call__(self) -> datetime:
        return self.at

    def pass_(self, by: timedelta) -> None:
        self.at += by


@dataclass
class Heard:
    """What was told after commits: the queue and the live channel in one."""

    woken: list[RunId] = field(default_factory=list)
    published: list[Event] = field(default_factory=list)

    async def wake_run(self, run_id: RunId) -> None:
        self.woken.append(run_id)

    async def wake_job(self, job_id: JobId, kind: JobKind) -> None:
        raise AssertionError("schedules owe no jobs")

    async def publish_events(self, _tenant_id: TenantId, session_id: SessionId, events: Sequence[Event]) -> None:
        self.published.extend(events)

    async def publish_delta(self, session_id: SessionId, delta: TokenDelta) -> None:
        raise AssertionError("schedules write no text")


@dataclass(frozen=True)
class Timetable:
    """One tenant's schedules, and processes that look at them."""

    world: World
    clock: Clock = field(default_factory=Clock)
    heard: Heard = field(default_factory=Heard)

    def process(self, *, queue_depth: int = 1000, limit: int = 200) -> FireSchedules:
        store = self.world.store
        submit = SubmitRun(store, self.heard, self.heard, queue_depth)
        return FireSchedules(store, submit, CancelRun(store, self.heard, self.heard), self.clock, limit)

    async def add(self, name: str = "report", **changes: Any) -> Schedule:
        """A schedule of every minute, with its first due time in a minute."""
        now = self.clock()
        timing = changes.pop("timing", IntervalTiming(every_s=60, start_at=START))
        due = changes.pop("next_due_at", None) or due_after(timing, now)
        schedule = Schedule(
            id=ScheduleId(new_id()), tenant_id=self.world.tenant_id, name=name, timing=timing,
            agent_id=self.world.agent.id, agent_version=None, session_id=None, input="Write it.", limits={},
            catch_up="one", catch_up_limit=10, overlap="allow", next_due_at=due, paused_at=None,
            created_at=now, updated_at=now,
        )  # fmt: skip
        async with self.world.store.system_transaction() as uow:
            return await uow.schedules.add(replace(schedule, **changes))

    async def get(self, schedule: Schedule) -> Schedule:
        async with self.world.store.system_transaction() as uow:
            return await uow.schedules.get(schedule.tenant_id, schedule.id)

    async def firings(self, schedule: Schedule) -> list[Firing]:
        """In the order of their due times."""
        async with self.world.store.system_transaction() as uow:
            page = await uow.schedules.firings(schedule.tenant_id, schedule.id, Everything())
        return list(reversed(page.items))

    async def runs(self) -> list[Run]:
        """All runs of the tenant, the oldest first."""
        async with self.world.store.system_transaction() as uow:
            page = await uow.runs.list(self.world.tenant_id, Everything())
        return list(reversed(page.items))


@dataclass(frozen=True)
class Everything:
    limit: int = 200
    cursor: str | None = None


def ids(runs: Sequence[Run]) -> list[UUID]:
    return [run.id for run in runs]
