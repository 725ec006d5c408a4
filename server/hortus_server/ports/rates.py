"""What services need to bound requests: stored limits, and buckets that all processes share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from hortus_server.domain.ids import KeyId, TenantId
from hortus_server.domain.rates import Draw, Grant, Limits


@dataclass(frozen=True, slots=True)
class TenantLimits:
    """A tenant's own limits beside those of its keys that have any."""

    tenant: Limits = field(default_factory=Limits)
    keys: Mapping[KeyId, Limits] = field(default_factory=dict)


class LimitRepository(Protocol):
    """Limits of tenants and keys, as rows; without a row the server's hold."""

    async def of_caller(self, tenant_id: TenantId, key_id: KeyId | None) -> tuple[Limits, Limits]:
        """The key's own limits and the tenant's."""
        ...

    async def of_tenant(self, tenant_id: TenantId) -> TenantLimits:
        """All that the tenant has."""
        ...

    async def set_tenant(self, tenant_id: TenantId, limits: Limits) -> None:
        """Replace the tenant's limits."""
        ...

    async def set_key(self, tenant_id: TenantId, key_id: KeyId, limits: Limits) -> bool:
        """Replace a key's limits; False when the tenant has no such key."""
        ...


class SharedBuckets(Protocol):
    """Token buckets that all API processes draw from."""

    async def draw(self, tenant_id: TenantId, draws: Sequence[Draw]) -> Sequence[Grant]:
        """A grant for each draw, in one round trip. Raises UnavailableError, soon, when they cannot be reached."""
        ...
