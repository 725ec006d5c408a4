"""What services need of schedules and of what became of their due times."""

from datetime import datetime, timedelta
from typing import Protocol

from hortus_server.domain.ids import RunId, ScheduleId, SessionId, TenantId
from hortus_server.domain.records import Page
from hortus_server.domain.schedules import Firing, Schedule
from hortus_server.ports.paging import PageRequest


class ScheduleRepository(Protocol):
    """Schedules as people see and change them."""

    async def add(self, schedule: Schedule) -> Schedule:
        """Store. Raises ConflictError when the tenant has one of this name."""
        ...

    async def get(self, tenant_id: TenantId, schedule_id: ScheduleId, *, hold: bool = False) -> Schedule:
        """Raises NotFoundError. With `hold` no due time fires, and nobody else changes it, before the commit."""
        ...

    async def list(self, tenant_id: TenantId, page: PageRequest) -> Page[Schedule]:
        """Newest first."""
        ...

    async def change(self, schedule: Schedule) -> Schedule:
        """Write all that may change. Raises NotFoundError, and ConflictError when the name is taken."""
        ...

    async def delete(self, tenant_id: TenantId, schedule_id: ScheduleId) -> None:
        """Delete it with its firings; their runs stay. Raises NotFoundError."""
        ...

    async def firings(self, tenant_id: TenantId, schedule_id: ScheduleId, page: PageRequest) -> Page[Firing]:
        """What became of its due times, the latest first."""
        ...


class FiringRepository(Protocol):
    """The worker's side: each due time once, however many workers look."""

    async def take_due(self, now: datetime) -> Schedule | None:
        """Hold, until the commit, the longest due schedule that no other transaction holds."""
        ...

    async def record(self, schedule: Schedule, firing: Firing) -> bool:
        """Note what became of a due time; False, and nothing is written, when it was dealt with before."""
        ...

    async def attach_run(self, schedule: Schedule, due_at: datetime, run_id: RunId) -> None:
        """Name the run of a due time that was recorded in this transaction."""
        ...

    async def move_on(self, schedule: Schedule, next_due_at: datetime | None) -> None:
        """Say when it is due next; None for never."""
        ...

    async def unfinished_runs(self, schedule: Schedule) -> tuple[tuple[RunId, SessionId], ...]:
        """Runs of its last firings that have not ended, with their sessions, the latest first."""
        ...

    async def purge(self, *, older_than: timedelta) -> int:
        """Forget old firings."""
        ...
