"""What services need to forget old logs, and to say what was forgotten."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from hortus_server.domain.ids import SessionId, TenantId


@dataclass(frozen=True, slots=True)
class Gap:
    """Events `first`..`last` of a log were asked for and are no longer kept."""

    first: int
    last: int
    reason: str = "retention"


@dataclass(frozen=True, slots=True)
class Cut:
    """What one cut took from a log: all events up to `last_seq`."""

    last_seq: int
    events: int


class RetentionRepository(Protocol):
    """Logs lose their oldest runs, whole runs only, so that what is left can still be folded and traced."""

    async def old_sessions(self, *, older_than: timedelta, limit: int) -> Sequence[tuple[TenantId, SessionId]]:
        """Sessions of all tenants with runs that ended longer ago, the oldest first; a look at `limit` runs."""
        ...

    async def cut(self, tenant_id: TenantId, session_id: SessionId, *, older_than: timedelta, rows: int) -> Cut | None:
        """Forget the oldest runs of a log, about `rows` events at once but at least one run.

        Only runs that ended before the period, that owe no delivery and no job, and before which every other run is
        such a run. `drop_artifacts` is told of the artifacts that they referred to. None when nothing can go: where
        that is because of other runs, the session is not named by `old_sessions` for a day.
        """
        ...

    async def drop_artifacts(self, *, limit: int) -> tuple[int, int]:
        """Look at up to `limit` artifacts of all tenants that are due, and forget those that nothing refers to.

        Due is what was stored two hours ago, and what an event that was forgotten referred to. Gives the numbers looked
        at and forgotten.
        """
        ...

    async def missing(
        self, tenant_id: TenantId, session_id: SessionId, *, after: int, up_to: int, limit: int
    ) -> tuple[Gap, ...]:
        """Numbers above `after`, up to `up_to`, under which there is no event of any type; the first `limit` ranges."""
        ...
