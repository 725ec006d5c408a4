"""Runs that do not get on, in PostgreSQL."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection

from hortus_agents.events import WaitReason
from hortus_server.adapters.postgres.paging import decode_id, encode_id
from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.ids import RunId, TenantId
from hortus_server.domain.records import RunStatus
from hortus_server.domain.stuck import Patience, SilentRun
from hortus_server.ports.paging import PageRequest
from hortus_server.ports.stuck import SilentPage

_STATEMENTS = load_statements("stuck.sql")
_LOOK: Final = 1000  # unfinished runs that one look goes through
_WORKERS: Final = 10_000
_OLDEST: Final = UUID(int=0)


class PostgresStuckRuns:
    """See `StuckRuns`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def silent(self, tenant_id: TenantId, patience: Patience, page: PageRequest) -> SilentPage:
        """See the port. Goes through 1,000 unfinished runs at most."""
        found = await self._sql.many(
            "silent_runs",
            _silent,
            tenant_id=tenant_id,
            after=_OLDEST if page.cursor is None else decode_id(page.cursor),
            look=_LOOK,
            rows=page.limit + 1,
            **asdict(patience),
        )
        runs = [run for run, _, _ in found if run is not None]
        _, looked, looked_to = found[0]
        if len(runs) > page.limit:
            return SilentPage(tuple(runs[: page.limit]), encode_id(runs[page.limit - 1].id))
        more = looked >= _LOOK and looked_to is not None
        return SilentPage(tuple(runs), encode_id(looked_to) if more and looked_to is not None else None)

    async def live_workers(self) -> tuple[str, ...]:
        """See the port."""
        return tuple(worker for worker, alive in await self._sql.many("look_at_workers", _seen, rows=_WORKERS) if alive)

    async def mark_woken(self, tenant_id: TenantId, run_id: RunId) -> None:
        """See the port."""
        await self._sql.count("mark_woken", tenant_id=tenant_id, run_id=run_id)

    async def count(self, patience: Patience) -> Mapping[RunStatus, int]:
        """See the port. Goes through 1,000 runs at most."""
        counted = await self._sql.many(
            "count_silent", _counted, look=_LOOK, queued=patience.queued, running=patience.running
        )
        return dict(counted)


def _silent(
    *, looked: int, looked_to: UUID | None, waiting_for: Mapping[str, Any] | None, **columns: Any
) -> tuple[SilentRun | None, int, UUID | None]:
    if columns["id"] is None:
        return None, looked, looked_to
    reason = None if waiting_for is None else WaitReason.model_validate(waiting_for)
    return SilentRun(waiting_for=reason, **columns), looked, looked_to


def _seen(*, id: str, alive: bool) -> tuple[str, bool]:  # noqa: A002 - a column's name
    return id, alive


def _counted(*, status: RunStatus, runs: int) -> tuple[RunStatus, int]:
    return status, runs
