"""What is forgotten of logs in PostgreSQL."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.ids import SessionId, TenantId
from hortus_server.ports.retention import Cut, Gap

_STATEMENTS = load_statements("retention.sql")


class PostgresRetention:
    """See `RetentionRepository`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def old_sessions(self, *, older_than: timedelta, limit: int) -> tuple[tuple[TenantId, SessionId], ...]:
        """See the port."""
        return tuple(await self._sql.many("old_sessions", _session, older_than=older_than, rows=limit))

    async def cut(self, tenant_id: TenantId, session_id: SessionId, *, older_than: timedelta, rows: int) -> Cut | None:
        """See the port. The session's row is held from the look to the commit, so the log cannot grow in between."""
        place = {"tenant_id": tenant_id, "session_id": session_id}
        held = await self._sql.one("hold_log", _held, **place)
        if held is None:
            return None
        purged_seq, last_seq = held
        begin = place | {"purged_seq": purged_seq}
        cut = await self._sql.one("find_cut", _cut, **begin, last_seq=last_seq, older_than=older_than, rows=rows)
        if cut is None:
            await self._sql.count("postpone_log", **begin, older_than=older_than)
            return None
        gone = await self._sql.one("cut_log", _gone, **begin, cut=cut)
        events, referred = gone or (0, [])
        if referred:
            await self._sql.count("release_artifacts", tenant_id=tenant_id, artifacts=referred)
        return Cut(cut, events)

    async def drop_artifacts(self, *, limit: int) -> tuple[int, int]:
        """See the port."""
        held = await self._sql.many("hold_unchecked", _artifact, rows=limit)
        if not held:
            return 0, 0
        tenant_ids, artifacts = [tenant_id for tenant_id, _ in held], [sha256 for _, sha256 in held]
        dropped = await self._sql.one("drop_artifacts", _dropped, tenant_ids=tenant_ids, artifacts=artifacts)
        return len(held), dropped or 0

    async def missing(
        self, tenant_id: TenantId, session_id: SessionId, *, after: int, up_to: int, limit: int
    ) -> tuple[Gap, ...]:
        """See the port."""
        return tuple(
            await self._sql.many(
                "missing_numbers",
                Gap,
                tenant_id=tenant_id,
                session_id=session_id,
                after=after,
                up_to=up_to,
                rows=limit,
            )
        )


def _session(*, tenant_id: UUID, session_id: UUID) -> tuple[TenantId, SessionId]:
    return TenantId(tenant_id), SessionId(session_id)


def _held(*, purged_seq: int, last_seq: int) -> tuple[int, int]:
    return purged_seq, last_seq


def _cut(*, cut: int | None) -> int | None:
    return cut


def _artifact(*, tenant_id: UUID, sha256: str) -> tuple[TenantId, str]:
    return TenantId(tenant_id), sha256


def _dropped(*, artifacts: int) -> int:
    return artifacts


def _gone(*, events: int, artifacts: list[str]) -> tuple[int, list[str]]:
    return events, artifacts
