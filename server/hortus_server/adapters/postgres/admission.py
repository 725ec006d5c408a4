"""The choice of the next run, and tenants' shares, in PostgreSQL."""

from dataclasses import asdict
from typing import Any, Final

from psycopg import AsyncConnection

from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.admission import QueueDepth, TenantAdmission, TenantLoad, WaitingTenant
from hortus_server.domain.ids import RunId, TenantId

_STATEMENTS = load_statements("admission.sql")

AT_ONCE: Final = 256
"""Submissions of a tenant that may be between their look at the queue and their commit: sixteen processes with the
usual pool. So many places before the bound they begin to take turns."""


class PostgresAdmission:
    """See `AdmissionRepository`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def waiting(self, *, after: TenantId, limit: int) -> tuple[WaitingTenant, ...]:
        """See the port."""
        return tuple(await self._sql.many("waiting_tenants", WaitingTenant, after=after, rows=limit))

    async def lock(self, waiting: WaitingTenant) -> None:
        """See the port. The statement after this one sees what those before it committed."""
        await self._sql.count("lock_admission", tenant_id=waiting.tenant_id)

    async def oldest(self, waiting: WaitingTenant) -> RunId | None:
        """See the port."""
        return await self._sql.one("lock_oldest", _run_id, tenant_id=waiting.tenant_id, rank=waiting.rank)

    async def depth(self, tenant_id: TenantId, *, otherwise: int) -> QueueDepth:
        """See the port. Near the bound submissions take turns, and count again what those before them committed."""
        found = await self._depth(tenant_id, otherwise)
        if found.queued >= found.most or found.most - found.queued > AT_ONCE:
            return found
        await self._sql.one("lock_queue", _waited, tenant_id=tenant_id)
        return await self._depth(tenant_id, otherwise)

    async def _depth(self, tenant_id: TenantId, otherwise: int) -> QueueDepth:
        found = await self._sql.one("queue_depth", QueueDepth, tenant_id=tenant_id, otherwise=otherwise)
        return found or QueueDepth(0, otherwise)

    async def get(self, tenant_id: TenantId) -> TenantAdmission:
        """See the port."""
        return await self._sql.one("get_admission", TenantAdmission, tenant_id=tenant_id) or TenantAdmission()

    async def set(self, tenant_id: TenantId, admission: TenantAdmission) -> None:
        """See the port."""
        await self._sql.count("set_admission", tenant_id=tenant_id, **asdict(admission))

    async def load(self, tenant_id: TenantId, *, at_most: int) -> TenantLoad:
        """See the port."""
        return await self._sql.one("count_load", TenantLoad, tenant_id=tenant_id, at_most=at_most) or TenantLoad(0, 0)

    async def ready(self, tenant_id: TenantId, *, limit: int) -> tuple[RunId, ...]:
        """See the port."""
        return tuple(await self._sql.many("ready_runs", _run_id, tenant_id=tenant_id, rows=limit))


def _waited(*, waited: bool) -> bool:
    return waited


def _run_id(*, id: RunId) -> RunId:  # noqa: A002 - a column's name
    return id
