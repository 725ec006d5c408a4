"""What services need of tenants and their API keys."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from hortus_server.domain.ids import KeyId, TenantId
from hortus_server.domain.keys import ApiKey, Scope, Tenant


class TenantRepository(Protocol):
    """Tenants and their keys."""

    async def ensure_tenant(self, name: str) -> Tenant:
        """The tenant of this name, made if it does not exist; the first tenant of all operates the installation."""
        ...

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
        """Store a key by its hash."""
        ...

    async def find_key(self, secret_sha256: bytes) -> ApiKey | None:
        """The key with this hash, also before its rotation while that lasts; revoked and expired ones included."""
        ...

    async def rotate_key(
        self, tenant_id: TenantId, key_id: KeyId, *, prefix: str, secret_sha256: bytes, grace: timedelta
    ) -> ApiKey | None:
        """Give a key that is not revoked another secret; the old one works for `grace` by the database's clock."""
        ...

    async def touch_key(self, key_id: KeyId) -> None:
        """Note that the key was used; at most once a minute is written."""
        ...

    async def list_keys(self, tenant_id: TenantId) -> tuple[ApiKey, ...]:
        """All keys of a tenant, newest first."""
        ...

    async def revoke_key(self, tenant_id: TenantId, key_id: KeyId) -> ApiKey | None:
        """Revoke; None when there is no such key."""
        ...


class TenantDirectory(Protocol):
    """All tenants, for those who operate the installation."""

    async def operating(self) -> Tenant | None:
        """The tenant whose administrators run the installation; None before there is any."""
        ...

    async def add(self, name: str) -> Tenant:
        """Raises ConflictError when the name is taken."""
        ...

    async def get(self, tenant_id: TenantId) -> Tenant | None:
        """One tenant."""
        ...

    async def list(self) -> tuple[tuple[Tenant, int, int], ...]:
        """Each with its numbers of members and of valid keys, by name; at most a thousand."""
        ...

    async def rename(self, tenant_id: TenantId, name: str) -> Tenant | None:
        """Raises ConflictError when the name is taken."""
        ...

    async def set_disabled(self, tenant_id: TenantId, *, disabled: bool) -> Tenant | None:
        """Let nobody in any more, or again."""
        ...
