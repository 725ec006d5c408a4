"""What services need of tenants and their API keys."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from hortus_server.domain.ids import KeyId, TenantId
from hortus_server.domain.records import ApiKey, Scope, Tenant


class TenantRepository(Protocol):
    """Tenants and their keys."""

    async def ensure_tenant(self, name: str) -> Tenant:
        """The tenant of this name, made if it does not exist."""
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
    ) -> ApiKey:
        """Store a key by its hash."""
        ...

    async def find_key(self, secret_sha256: bytes) -> ApiKey | None:
        """The key with this hash, revoked and expired ones included."""
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
