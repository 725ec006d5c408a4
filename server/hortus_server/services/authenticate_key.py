"""Who is calling: from the secret of an API key, or from a key's id that the server itself vouched for."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from hortus_server.domain.errors import UnauthenticatedError
from hortus_server.domain.ids import KeyId, TenantId, UserId
from hortus_server.domain.keys import ApiKey
from hortus_server.ports.clock import Clock, utc_now
from hortus_server.ports.store import Store
from hortus_server.services.cache_briefly import BriefCache

CACHE_TTL_S = 5.0  # so long a revoked key may still work on another process
CACHE_SIZE = 4096


@dataclass(slots=True)
class AuthenticateKey:
    """Look keys up by the hash of their secret, with a small bounded cache.

    Expiry is exact; a revocation is seen at once by the process that did it and within `CACHE_TTL_S` elsewhere.
    """

    store: Store
    now: Clock = utc_now
    monotonic: Callable[[], float] = time.monotonic
    _cache: BriefCache[bytes | KeyId, ApiKey] = field(init=False)

    def __post_init__(self) -> None:
        self._cache = BriefCache(CACHE_TTL_S, CACHE_SIZE, self.monotonic)

    async def by_secret(self, secret: str) -> ApiKey:
        """The key with this secret. Raises UnauthenticatedError when it is unknown, expired or revoked."""
        digest = hashlib.sha256(secret.encode()).digest()
        return self._checked(await self._cache.get(digest, lambda: self._find(digest)))

    async def by_id(self, tenant_id: TenantId, key_id: KeyId) -> ApiKey:
        """The key behind a login that this server signed. Raises UnauthenticatedError as above."""
        return self._checked(await self._cache.get(key_id, lambda: self._find_by_id(tenant_id, key_id)))

    def knows(self, secret: str) -> bool:
        """Whether the secret can be judged without asking the database."""
        return self._cache.holds(hashlib.sha256(secret.encode()).digest())

    def forget(self, key_id: KeyId) -> None:
        """Drop what is cached of a key, because it was revoked here."""
        self._cache.forget(lambda key: key.id == key_id)

    def forget_person(self, user_id: UserId) -> None:
        """Drop what is cached of a user's keys, because the user was changed here."""
        self._cache.forget(lambda key: key.person_id == user_id)

    def forget_tenant(self, tenant_id: TenantId) -> None:
        """Drop what is cached of a tenant's keys, because the tenant was changed here."""
        self._cache.forget(lambda key: key.tenant_id == tenant_id)

    async def _find(self, digest: bytes) -> ApiKey | None:
        async with self.store.system_transaction() as uow:
            key = await uow.tenants.find_key(digest)
            if key is not None and self._usable(key):
                await uow.tenants.touch_key(key.id)
        return key

    async def _find_by_id(self, tenant_id: TenantId, key_id: KeyId) -> ApiKey | None:
        async with self.store.system_transaction() as uow:
            keys = await uow.tenants.list_keys(tenant_id)
            found = next((one for one in keys if one.id == key_id), None)
            maker = await uow.users.get(UserId(found.person_id)) if found and found.person_id else None
        return None if maker and maker.disabled_at else found

    def _usable(self, key: ApiKey) -> bool:
        is_open = key.revoked_at is None and not key.tenant_disabled
        return is_open and (key.expires_at is None or key.expires_at > self.now())

    def _checked(self, key: ApiKey | None) -> ApiKey:
        if key is None or not self._usable(key):
            raise UnauthenticatedError("no such key, or it expired or was revoked")
        return key
