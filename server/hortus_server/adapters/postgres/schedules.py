"""Schedules in PostgreSQL, as people see and change them."""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from hortus_server.adapters.postgres import rows
from hortus_server.adapters.postgres.paging import decode_id, decode_timed, encode_id, encode_timed, to_page
from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.errors import ConflictError, NotFoundError
from hortus_server.domain.ids import ScheduleId, TenantId
from hortus_server.domain.records import Page
from hortus_server.domain.schedules import Firing, Schedule
from hortus_server.ports.paging import PageRequest

_STATEMENTS = load_statements("schedules.sql")
_TAKEN: Final = "a schedule called {name} exists already"


class PostgresSchedules:
    """See `ScheduleRepository`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def add(self, schedule: Schedule) -> Schedule:
        """See the port."""
        added = await self._sql.one(
            "add_schedule",
            rows.schedule,
            id=schedule.id,
            agent_id=schedule.agent_id,
            created_at=schedule.created_at,
            **_changeable(schedule),
        )
        if added is None:
            raise ConflictError(_TAKEN.format(name=schedule.name))
        return added

    async def get(self, tenant_id: TenantId, schedule_id: ScheduleId, *, hold: bool = False) -> Schedule:
        """See the port."""
        if hold:
            found = await self._sql.one("hold_schedule", rows.schedule, tenant_id=tenant_id, schedule_id=schedule_id)
        else:
            found = await self._sql.one("get_schedule", rows.schedule, tenant_id=tenant_id, schedule_id=schedule_id)
        if found is None:
            raise NotFoundError("schedule", schedule_id)
        return found

    async def list(self, tenant_id: TenantId, page: PageRequest) -> Page[Schedule]:
        """See the port."""
        found = await self._sql.many(
            "list_schedules", rows.schedule, tenant_id=tenant_id, before=decode_id(page.cursor), rows=page.limit + 1
        )
        return to_page(found, page.limit, lambda schedule: encode_id(schedule.id))

    async def change(self, schedule: Schedule) -> Schedule:
        """See the port."""
        try:
            changed = await self._sql.one("change_schedule", rows.schedule, id=schedule.id, **_changeable(schedule))
        except UniqueViolation as error:
            raise ConflictError(_TAKEN.format(name=schedule.name)) from error
        if changed is None:
            raise NotFoundError("schedule", schedule.id)
        return changed

    async def delete(self, tenant_id: TenantId, schedule_id: ScheduleId) -> None:
        """See the port."""
        if not await self._sql.count("delete_schedule", tenant_id=tenant_id, schedule_id=schedule_id):
            raise NotFoundError("schedule", schedule_id)

    async def firings(self, tenant_id: TenantId, schedule_id: ScheduleId, page: PageRequest) -> Page[Firing]:
        """See the port."""
        before_at, _ = decode_timed(page.cursor)
        found = await self._sql.many(
            "list_firings",
            Firing,
            tenant_id=tenant_id,
            schedule_id=schedule_id,
            before_at=before_at,
            rows=page.limit + 1,
        )
        return to_page(found, page.limit, _firing_cursor)


def _firing_cursor(firing: Firing) -> str:
    return encode_timed(firing.due_at, UUID(str(firing.schedule_id)))


def _changeable(schedule: Schedule) -> dict[str, Any]:
    return {
        "tenant_id": schedule.tenant_id,
        "name": schedule.name,
        "timing": Jsonb(schedule.timing.model_dump(mode="json")),
        "agent_version": schedule.agent_version,
        "session_id": schedule.session_id,
        "input": schedule.input,
        "limits": Jsonb(dict(schedule.limits)),
        "catch_up": schedule.catch_up,
        "catch_up_limit": schedule.catch_up_limit,
        "overlap": schedule.overlap,
        "next_due_at": _utc(schedule.next_due_at),
        "paused_at": schedule.paused_at,
        "updated_at": schedule.updated_at,
    }


def _utc(at: datetime | None) -> datetime | None:
    return None if at is None else at.astimezone(UTC)
