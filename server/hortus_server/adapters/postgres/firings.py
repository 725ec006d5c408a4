"""Due times in PostgreSQL: each one dealt with once, however many workers look."""

from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import AsyncConnection

from hortus_server.adapters.postgres import rows
from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.ids import RunId, SessionId
from hortus_server.domain.schedules import Firing, Schedule

_STATEMENTS = load_statements("firings.sql")
_LOOK_BACK: Final = 100  # firings whose runs count as running
_PURGE_ROWS: Final = 10_000


class PostgresFirings:
    """See `FiringRepository`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def take_due(self, now: datetime) -> Schedule | None:
        """See the port."""
        return await self._sql.one("take_due", rows.schedule, now=now)

    async def record(self, schedule: Schedule, firing: Firing) -> bool:
        """See the port."""
        return bool(
            await self._sql.count(
                "record_firing",
                schedule_id=schedule.id,
                tenant_id=schedule.tenant_id,
                due_at=firing.due_at,
                fired_at=firing.fired_at,
                outcome=firing.outcome,
                run_id=firing.run_id,
                reason=firing.reason,
            )
        )

    async def attach_run(self, schedule: Schedule, due_at: datetime, run_id: RunId) -> None:
        """See the port."""
        await self._sql.count("attach_run", schedule_id=schedule.id, due_at=due_at, run_id=run_id)

    async def move_on(self, schedule: Schedule, next_due_at: datetime | None) -> None:
        """See the port."""
        await self._sql.count("move_on", schedule_id=schedule.id, next_due_at=next_due_at)

    async def unfinished_runs(self, schedule: Schedule) -> tuple[tuple[RunId, SessionId], ...]:
        """See the port. Looks at the last hundred firings."""
        return tuple(await self._sql.many("unfinished_runs", _run, schedule_id=schedule.id, rows=_LOOK_BACK))

    async def purge(self, *, older_than: timedelta) -> int:
        """See the port. A bounded number for each call."""
        return await self._sql.count("purge_firings", older_than=older_than, rows=_PURGE_ROWS)


def _run(*, id: RunId, session_id: SessionId) -> tuple[RunId, SessionId]:  # noqa: A002 - a column's name
    return id, session_id
