"""Take a key's rights away."""

from hortus_server.domain.errors import NotFoundError
from hortus_server.domain.ids import KeyId, TenantId
from hortus_server.domain.keys import ApiKey
from hortus_server.domain.users import Authority
from hortus_server.ports.store import Store
from hortus_server.services.authenticate_key import AuthenticateKey
from hortus_server.services.issue_key import key_entry


async def revoke_key(
    store: Store, authenticate: AuthenticateKey, authority: Authority, *, tenant_id: TenantId, key_id: KeyId
) -> ApiKey:
    """Revoke; idempotent. Raises NotFoundError, and ForbiddenError for a key beyond the caller's own scopes."""
    async with store.transaction(tenant_id) as uow:
        key = await uow.tenants.revoke_key(tenant_id, key_id)
        if key is None:
            raise NotFoundError("key", key_id)
        authority.demand_cover(key.scopes)
        await uow.audit.append(key_entry(authority, key, "key.revoked"))
    authenticate.forget(key_id)
    return key
