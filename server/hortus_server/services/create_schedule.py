"""Make a schedule, and check that it can do what it says."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from hortus_server.domain.audit import SYSTEM, Actor, NewAuditEntry
from hortus_server.domain.errors import InvalidInputError
from hortus_server.domain.ids import AgentId, ScheduleId, SessionId, TenantId, new_id
from hortus_server.domain.schedules import CatchUp, IntervalTiming, Overlap, Schedule, Timing, due_after
from hortus_server.ports.clock import Clock, utc_now
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.services.create_once import Answer, Once, create_once
from hortus_server.services.demand_room import demand_room


@dataclass(frozen=True, slots=True)
class ScheduleDraft:
    """A schedule before it exists; the fields are those of `Schedule`."""

    name: str
    timing: Timing
    agent: AgentId | str
    agent_version: int | None
    session_id: SessionId | None
    input: str
    limits: Mapping[str, float]
    catch_up: CatchUp
    catch_up_limit: int
    overlap: Overlap


@dataclass(frozen=True, slots=True)
class CreateSchedule:
    """Store a schedule with its first due time."""

    store: Store
    now: Clock = utc_now

    async def __call__(
        self, tenant_id: TenantId, *, draft: ScheduleDraft, once: Once[Schedule], actor: Actor = SYSTEM
    ) -> Answer:
        """Answer with the schedule.

        Raises NotFoundError for an unknown agent, version or session; InvalidInputError for a session of another agent
        or a time that has passed; ConflictError when the name is taken or there is no room.
        """
        now = self.now()

        async def make(uow: UnitOfWork) -> Schedule:
            await demand_room(uow, tenant_id, "schedules")
            agent = await uow.agents.get(tenant_id, draft.agent)
            timing = anchored(draft.timing, now)
            schedule = Schedule(
                id=ScheduleId(new_id()),
                tenant_id=tenant_id,
                name=draft.name,
                timing=timing,
                agent_id=agent.id,
                agent_version=draft.agent_version,
                session_id=draft.session_id,
                input=draft.input,
                limits=draft.limits,
                catch_up=draft.catch_up,
                catch_up_limit=draft.catch_up_limit,
                overlap=draft.overlap,
                next_due_at=first_due(timing, now),
                paused_at=None,
                created_at=now,
                updated_at=now,
            )
            await check_target(uow, schedule)
            detail = {"name": schedule.name, "agent_id": str(agent.id)}
            entry = NewAuditEntry(tenant_id, actor, "schedule.created", f"schedule:{schedule.id}", detail)
            await uow.audit.append(entry)
            return await uow.schedules.add(schedule)

        return await create_once(self.store, tenant_id, once, make)


def anchored(timing: Timing, now: datetime) -> Timing:
    """An interval counts from a fixed time, so that a restart does not shift it."""
    if isinstance(timing, IntervalTiming) and timing.start_at is None:
        return timing.model_copy(update={"start_at": now.replace(microsecond=0)})
    return timing


def first_due(timing: Timing, now: datetime) -> datetime:
    """The first due time from now on. Raises InvalidInputError when there is none."""
    due = due_after(timing, now)
    if due is None:
        raise InvalidInputError("this schedule would never fire: its time has passed")
    return due


async def check_target(uow: UnitOfWork, schedule: Schedule) -> None:
    """Raise NotFoundError or InvalidInputError when a run of this schedule could not be submitted today."""
    if schedule.agent_version is not None:
        await uow.agents.get_version(schedule.tenant_id, schedule.agent_id, schedule.agent_version)
    if schedule.session_id is not None:
        session = await uow.sessions.get(schedule.tenant_id, schedule.session_id)
        if session.agent_id != schedule.agent_id:
            raise InvalidInputError(f"session {session.id} belongs to another agent")
