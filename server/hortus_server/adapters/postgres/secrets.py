"""Secrets in PostgreSQL, sealed."""

from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection

from hortus_server.adapters.postgres.paging import decode_id, encode_id, to_page
from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.errors import NotFoundError
from hortus_server.domain.ids import AgentId, TenantId, new_id
from hortus_server.domain.records import Page
from hortus_server.domain.secrets import SealedValue, SealedVersion, Secret
from hortus_server.ports.paging import PageRequest

_STATEMENTS = load_statements("secrets.sql")


class PostgresSecrets:
    """See `SecretRepository`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def hold(self, tenant_id: TenantId, name: str) -> Secret | None:
        """See the port."""
        return await self._sql.one("hold_secret", _secret, tenant_id=tenant_id, name=name)

    async def claim(
        self, tenant_id: TenantId, *, name: str, description: str, agent_id: AgentId | None, hosts: Sequence[str]
    ) -> Secret:
        """See the port."""
        claimed = await self._sql.one(
            "claim_secret",
            _secret,
            id=new_id(),
            tenant_id=tenant_id,
            name=name,
            description=description,
            agent_id=agent_id,
            hosts=[*hosts],
        )
        return _found(claimed, name)

    async def change(
        self, tenant_id: TenantId, *, name: str, description: str, agent_id: AgentId | None, hosts: Sequence[str]
    ) -> Secret:
        """See the port."""
        changed = await self._sql.one(
            "change_secret",
            _secret,
            tenant_id=tenant_id,
            name=name,
            description=description,
            agent_id=agent_id,
            hosts=[*hosts],
        )
        return _found(changed, name)

    async def store(self, secret: Secret, sealed: SealedValue) -> None:
        """See the port."""
        place: dict[str, object] = {
            "secret_id": secret.id,
            "tenant_id": secret.tenant_id,
            "version": secret.version,
        }
        await self._sql.count("add_version", value=sealed.value, key=sealed.key, key_id=sealed.key_id, **place)
        await self._sql.count("forget_versions", **place)

    async def get(self, tenant_id: TenantId, name: str) -> Secret:
        """See the port."""
        return _found(await self._sql.one("get_secret", _secret, tenant_id=tenant_id, name=name), name)

    async def list(self, tenant_id: TenantId, page: PageRequest) -> Page[Secret]:
        """See the port."""
        found = await self._sql.many(
            "list_secrets", _secret, tenant_id=tenant_id, before=decode_id(page.cursor), rows=page.limit + 1
        )
        return to_page(found, page.limit, lambda secret: encode_id(secret.id))

    async def delete(self, tenant_id: TenantId, name: str) -> Secret:
        """See the port."""
        return _found(await self._sql.one("delete_secret", _secret, tenant_id=tenant_id, name=name), name)

    async def count(self, tenant_id: TenantId) -> int:
        """See the port."""
        return await self._sql.one("count_secrets", _count, tenant_id=tenant_id) or 0


class PostgresSecretSeals:
    """See `SecretSeals`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def sealed(self, tenant_id: TenantId, names: Sequence[str] | None = None) -> Sequence[SealedVersion]:
        """See the port."""
        asked = None if names is None else [*names]
        return await self._sql.many("sealed_versions", _version, tenant_id=tenant_id, names=asked)

    async def stale(self, key_id: str, *, skip: int, limit: int) -> Sequence[SealedVersion]:
        """See the port."""
        return await self._sql.many("stale_versions", _version, key_id=key_id, skip=skip, rows=limit)

    async def replace(self, version: SealedVersion, sealed: SealedValue) -> None:
        """See the port."""
        await self._sql.count(
            "replace_seal",
            secret_id=version.secret_id,
            tenant_id=version.tenant_id,
            version=version.version,
            key=sealed.key,
            key_id=sealed.key_id,
        )

    async def keys_in_use(self) -> Sequence[tuple[str, int]]:
        """See the port."""
        return await self._sql.many("keys_in_use", _key)

    async def unbound(self) -> int:
        """See the port."""
        return await self._sql.one("unbound_secrets", _count) or 0


def _found(secret: Secret | None, name: str) -> Secret:
    if secret is None:
        raise NotFoundError("secret", name)
    return secret


def _secret(*, hosts: list[str], used_by: Sequence[str] = (), **columns: Any) -> Secret:
    return Secret(hosts=tuple(hosts), used_by=tuple(used_by), **columns)


def _version(*, hosts: list[str], sealed_value: bytes, sealed_key: bytes, key_id: str, **columns: Any) -> SealedVersion:
    sealed = SealedValue(bytes(sealed_value), bytes(sealed_key), key_id)
    return SealedVersion(hosts=tuple(hosts), sealed=sealed, **columns)


def _count(*, secrets: int) -> int:
    return secrets


def _key(*, key_id: str, versions: int) -> tuple[str, int]:
    return key_id, versions
