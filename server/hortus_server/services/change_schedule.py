"""Change, pause and resume a schedule."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from hortus_server.domain.audit import SYSTEM, Actor, NewAuditEntry
from hortus_server.domain.errors import ConflictError
from hortus_server.domain.ids import ScheduleId, TenantId
from hortus_server.domain.schedules import Schedule, due_after, next_due_times
from hortus_server.ports.clock import Clock, utc_now
from hortus_server.ports.store import Store
from hortus_server.services.create_schedule import anchored, check_target, first_due


@dataclass(frozen=True, slots=True)
class ChangeSchedule:
    """Changes wait for a due time that fires at this moment, and the next one sees them."""

    store: Store
    now: Clock = utc_now

    async def __call__(
        self, tenant_id: TenantId, schedule_id: ScheduleId, *, changes: Mapping[str, Any], actor: Actor = SYSTEM
    ) -> Schedule:
        """Set fields of `Schedule` by name; a new timing counts from now on.

        Raises NotFoundError, ConflictError when the name is taken, and what `CreateSchedule` raises of its target.
        """
        now = self.now()
        async with self.store.transaction(tenant_id) as uow:
            before = await uow.schedules.get(tenant_id, schedule_id, hold=True)
            after = replace(before, **changes, updated_at=now)
            if "timing" in changes:
                timing = anchored(after.timing, now)
                due = first_due(timing, now)
                after = replace(after, timing=timing, next_due_at=None if after.paused_at else due)
            await check_target(uow, after)
            await uow.audit.append(_entry(before, actor, "schedule.changed", fields=sorted(changes)))
            return await uow.schedules.change(after)

    async def pause(self, tenant_id: TenantId, schedule_id: ScheduleId, *, actor: Actor = SYSTEM) -> Schedule:
        """Fire no more until it is resumed; idempotent. Raises NotFoundError."""
        now = self.now()
        async with self.store.transaction(tenant_id) as uow:
            before = await uow.schedules.get(tenant_id, schedule_id, hold=True)
            if before.paused_at is not None:
                return before
            await uow.audit.append(_entry(before, actor, "schedule.paused"))
            return await uow.schedules.change(replace(before, paused_at=now, next_due_at=None, updated_at=now))

    async def resume(self, tenant_id: TenantId, schedule_id: ScheduleId, *, actor: Actor = SYSTEM) -> Schedule:
        """Fire again at the next due time; those that passed in the pause are let go. Idempotent.

        Raises NotFoundError, and ConflictError when no due time is left.
        """
        now = self.now()
        async with self.store.transaction(tenant_id) as uow:
            before = await uow.schedules.get(tenant_id, schedule_id, hold=True)
            if before.paused_at is None:
                return before
            due = due_after(before.timing, now)
            if due is None:
                raise ConflictError("the time of this schedule passed while it was paused; give it a new timing")
            await uow.audit.append(_entry(before, actor, "schedule.resumed"))
            return await uow.schedules.change(replace(before, paused_at=None, next_due_at=due, updated_at=now))

    async def next_due(self, tenant_id: TenantId, schedule_id: ScheduleId, *, count: int) -> tuple[datetime, ...]:
        """Its next due times; of a paused schedule those that it would have. Raises NotFoundError."""
        async with self.store.transaction(tenant_id) as uow:
            schedule = await uow.schedules.get(tenant_id, schedule_id)
        if schedule.next_due_at is not None:
            return next_due_times(schedule.timing, schedule.next_due_at - timedelta(microseconds=1), count)
        return () if schedule.paused_at is None else next_due_times(schedule.timing, self.now(), count)


def _entry(schedule: Schedule, actor: Actor, action: str, **more: Any) -> NewAuditEntry:
    subject = f"schedule:{schedule.id}"
    return NewAuditEntry(schedule.tenant_id, actor, action, subject, {"name": schedule.name, **more})
