"""Change how much a key or a tenant may ask of the API."""

from dataclasses import asdict, dataclass

from hortus_server.domain.audit import Actor, NewAuditEntry
from hortus_server.domain.errors import InvalidInputError, NotFoundError
from hortus_server.domain.ids import KeyId, TenantId
from hortus_server.domain.rates import Limits
from hortus_server.ports.rates import TenantLimits
from hortus_server.ports.store import Store
from hortus_server.services.limit_requests import LimitRequests


@dataclass(frozen=True, slots=True)
class ChangeLimits:
    """Holds at once in this process, and within `LIMITS_TTL_S` in the others."""

    store: Store
    limiter: LimitRequests

    async def of_tenant(self, tenant_id: TenantId, limits: Limits, *, actor: Actor) -> TenantLimits:
        """Replace the tenant's limits. Raises InvalidInputError for a rate above the server's highest."""
        self._check(limits)
        async with self.store.transaction(tenant_id) as uow:
            await uow.limits.set_tenant(tenant_id, limits)
            await uow.audit.append(
                NewAuditEntry(tenant_id, actor, "limits.changed", f"tenant:{tenant_id}", asdict(limits))
            )
            found = await uow.limits.of_tenant(tenant_id)
        self.limiter.forget(tenant_id)
        return found

    async def of_key(self, tenant_id: TenantId, key_id: KeyId, limits: Limits, *, actor: Actor) -> TenantLimits:
        """Replace a key's limits. Raises NotFoundError, and InvalidInputError as above."""
        self._check(limits)
        async with self.store.transaction(tenant_id) as uow:
            if not await uow.limits.set_key(tenant_id, key_id, limits):
                raise NotFoundError("key", key_id)
            await uow.audit.append(NewAuditEntry(tenant_id, actor, "limits.changed", f"key:{key_id}", asdict(limits)))
            found = await uow.limits.of_tenant(tenant_id)
        self.limiter.forget(tenant_id)
        return found

    def _check(self, limits: Limits) -> None:
        most = self.limiter.defaults.most_per_minute
        if max(limits.requests_per_minute or 0, limits.burst or 0) > most:
            raise InvalidInputError(f"requests_per_minute and burst are at most {most} (HORTUS_LIMITS_MOST_PER_MINUTE)")
