"""Who is calling: from the secret of an API key, or from the secret's hash that the server itself vouched for."""

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
    _cache: BriefCache[bytes, ApiKey] = field(init=False)

    def __post_init__(self) -> None:
        self._cache = BriefCache(CACHE_TTL_S, CACHE_SIZE, self.monotonic)

    async def by_secret(self, secret: str) -> ApiKey:
        """The key with this secret. Raises UnauthenticatedError when it is unknown, expired or revoked."""
        return await self.by_digest(secret_digest(secret))

    async def by_digest(self, digest: bytes) -> ApiKey:
        """As above, by the secret's hash: what goes on without the secret ends with it, also when the key rotates."""
        key = await self._cache.get(digest, lambda: self._find(digest))
        if key is None or not self._usable(key):
            raise UnauthenticatedError("no such key, or it expired or was revoked")
        return key

    def knows(self, secret: str) -> bool:
        """Whether the secret can be judged without asking the database."""
        return self._cache.holds(secret_digest(secret))

    def forget(self, key_id: KeyId) -> None:
        """Drop what is cached of a key, because it was revoked or rotated here."""
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

    def _usable(self, key: ApiKey) -> bool:
        is_open = key.revoked_at is None and not key.tenant_disabled
        return is_open and (key.expires_at is None or key.expires_at > self.now())


def secret_digest(secret: str) -> bytes:
    """What is stored of a key's secret: it is random, so a fast hash is enough."""
    return hashlib.sha256(secret.encode()).digest()
