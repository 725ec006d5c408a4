"""Limits of tenants and keys in PostgreSQL."""

from dataclasses import asdict
from typing import Any

from psycopg import AsyncConnection

from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.ids import KeyId, TenantId
from hortus_server.domain.rates import Limits
from hortus_server.ports.rates import TenantLimits

_STATEMENTS = load_statements("limits.sql")


class PostgresLimits:
    """See `LimitRepository`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def of_caller(self, tenant_id: TenantId, key_id: KeyId | None) -> tuple[Limits, Limits]:
        """See the port."""
        found = await self._sql.one("caller_limits", _pair, tenant_id=tenant_id, key_id=key_id)
        return found or (Limits(), Limits())

    async def of_tenant(self, tenant_id: TenantId) -> TenantLimits:
        """See the port."""
        own = await self._sql.one("tenant_limits", Limits, tenant_id=tenant_id)
        keys = await self._sql.many("key_limits", _keyed, tenant_id=tenant_id)
        return TenantLimits(own or Limits(), dict(keys))

    async def set_tenant(self, tenant_id: TenantId, limits: Limits) -> None:
        """See the port."""
        await self._sql.count("set_tenant_limits", tenant_id=tenant_id, **asdict(limits))

    async def set_key(self, tenant_id: TenantId, key_id: KeyId, limits: Limits) -> bool:
        """See the port."""
        return await self._sql.count("set_key_limits", tenant_id=tenant_id, key_id=key_id, **asdict(limits)) > 0


def _pair(**columns: int | None) -> tuple[Limits, Limits]:
    def limits(of: str) -> Limits:
        return Limits(columns[f"{of}_per_minute"], columns[f"{of}_burst"], columns[f"{of}_connections"])

    return limits("key"), limits("tenant")


def _keyed(*, key_id: KeyId, **columns: int | None) -> tuple[KeyId, Limits]:
    return key_id, Limits(**columns)
