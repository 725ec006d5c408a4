"""Tenants and API keys in PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation

from hortus_server.adapters.postgres import rows
from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.errors import ConflictError, NotFoundError
from hortus_server.domain.ids import KeyId, TenantId, new_id
from hortus_server.domain.keys import ApiKey, Scope, Tenant

_STATEMENTS = load_statements("tenants.sql")


class PostgresTenants:
    """See `TenantRepository`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def ensure_tenant(self, name: str) -> Tenant:
        """See the port."""
        tenant = await self._sql.one("ensure_tenant", Tenant, id=new_id(), name=name)
        if tenant is None:
            raise NotFoundError("tenant", name)
        return tenant

    async def add_key(
        self,
        tenant_id: TenantId,
        *,
        name: str,
        prefix: str,
        secret_sha256: bytes,
        scopes: Sequence[Scope],
        expires_at: datetime | None,
        made_by: str = "",
        person_id: UUID | None = None,
    ) -> ApiKey:
        """See the port."""
        key = await self._sql.one(
            "add_key",
            rows.api_key,
            id=new_id(),
            tenant_id=tenant_id,
            name=name,
            prefix=prefix,
            secret_sha256=secret_sha256,
            scopes=list(scopes),
            expires_at=expires_at,
            made_by=made_by,
            person_id=person_id,
        )
        if key is None:
            raise NotFoundError("tenant", tenant_id)
        return key

    async def find_key(self, secret_sha256: bytes) -> ApiKey | None:
        """See the port."""
        return await self._sql.one("find_key", rows.api_key, secret_sha256=secret_sha256)

    async def rotate_key(
        self, tenant_id: TenantId, key_id: KeyId, *, prefix: str, secret_sha256: bytes, grace: timedelta
    ) -> ApiKey | None:
        """See the port."""
        return await self._sql.one(
            "rotate_key",
            rows.api_key,
            tenant_id=tenant_id,
            key_id=key_id,
            prefix=prefix,
            secret_sha256=secret_sha256,
            grace=grace,
        )

    async def touch_key(self, key_id: KeyId) -> None:
        """See the port."""
        await self._sql.count("touch_key", key_id=key_id)

    async def list_keys(self, tenant_id: TenantId) -> tuple[ApiKey, ...]:
        """See the port."""
        return tuple(await self._sql.many("list_keys", rows.api_key, tenant_id=tenant_id))

    async def revoke_key(self, tenant_id: TenantId, key_id: KeyId) -> ApiKey | None:
        """See the port."""
        return await self._sql.one("revoke_key", rows.api_key, tenant_id=tenant_id, key_id=key_id)


class PostgresTenantDirectory:
    """See `TenantDirectory`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def operating(self) -> Tenant | None:
        """See the port."""
        return await self._sql.one("operating_tenant", Tenant)

    async def add(self, name: str) -> Tenant:
        """See the port."""
        tenant = await self._sql.one("add_tenant", Tenant, id=new_id(), name=name)
        if tenant is None:
            raise ConflictError(f"there is a tenant {name} already")
        return tenant

    async def get(self, tenant_id: TenantId) -> Tenant | None:
        """See the port."""
        return await self._sql.one("get_tenant", Tenant, tenant_id=tenant_id)

    async def list(self) -> tuple[tuple[Tenant, int, int], ...]:
        """See the port."""
        return tuple(await self._sql.many("list_tenants", _counted))

    async def rename(self, tenant_id: TenantId, name: str) -> Tenant | None:
        """See the port."""
        try:
            return await self._sql.one("rename_tenant", Tenant, tenant_id=tenant_id, name=name)
        except UniqueViolation as error:
            raise ConflictError(f"there is a tenant {name} already") from error

    async def set_disabled(self, tenant_id: TenantId, *, disabled: bool) -> Tenant | None:
        """See the port."""
        return await self._sql.one("set_tenant_disabled", Tenant, tenant_id=tenant_id, disabled=disabled)


def _counted(*, members: int, keys: int, **columns: Any) -> tuple[Tenant, int, int]:
    return Tenant(**columns), members, keys
