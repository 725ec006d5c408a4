"""Who is calling: from the secret of an API key, or from a key's id that the server itself vouched for."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from weakref import WeakValueDictionary

from hortus_server.domain.errors import UnauthenticatedError
from hortus_server.domain.ids import KeyId, TenantId
from hortus_server.domain.records import ApiKey
from hortus_server.ports.store import Store

CACHE_TTL_S = 5.0  # so long a revoked key may still work on another process
CACHE_SIZE = 4096


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


@dataclass(slots=True)
class AuthenticateKey:
    """Look keys up by the hash of their secret, with a small bounded cache.

    Expiry is exact; a revocation is seen at once by the process that did it and within `CACHE_TTL_S` elsewhere.
    Requests that miss the cache together share one look, so that a busy key's row is not fought over.
    """

    store: Store
    now: Callable[[], datetime] = utc_now
    monotonic: Callable[[], float] = time.monotonic
    _cache: OrderedDict[bytes | KeyId, tuple[float, ApiKey]] = field(default_factory=OrderedDict)
    # One per entry, held while it is looked up.
    _looks: WeakValueDictionary[bytes | KeyId, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def by_secret(self, secret: str) -> ApiKey:
        """The key with this secret. Raises UnauthenticatedError when it is unknown, expired or revoked."""
        digest = hashlib.sha256(secret.encode()).digest()
        key = self._cached(digest)
        if key is None:
            async with self._look(digest):
                key = self._cached(digest) or await self._find(digest)
        return self._checked(key)

    async def by_id(self, tenant_id: TenantId, key_id: KeyId) -> ApiKey:
        """The key behind a login that this server signed. Raises UnauthenticatedError as above."""
        key = self._cached(key_id)
        if key is None:
            async with self._look(key_id):
                key = self._cached(key_id) or await self._find_by_id(tenant_id, key_id)
        return self._checked(key)

    def forget(self, key_id: KeyId) -> None:
        """Drop what is cached of a key, because it was revoked here."""
        for entry, (_, key) in list(self._cache.items()):
            if key.id == key_id:
                del self._cache[entry]

    def _look(self, entry: bytes | KeyId) -> asyncio.Lock:
        lock = self._looks.get(entry)
        if lock is None:
            lock = self._looks[entry] = asyncio.Lock()
        return lock

    async def _find(self, digest: bytes) -> ApiKey | None:
        async with self.store.system_transaction() as uow:
            key = await uow.tenants.find_key(digest)
            if key is not None and self._usable(key):
                await uow.tenants.touch_key(key.id)
        self._keep(digest, key)
        return key

    async def _find_by_id(self, tenant_id: TenantId, key_id: KeyId) -> ApiKey | None:
        async with self.store.system_transaction() as uow:
            keys = await uow.tenants.list_keys(tenant_id)
        key = next((one for one in keys if one.id == key_id), None)
        self._keep(key_id, key)
        return key

    def _cached(self, entry: bytes | KeyId) -> ApiKey | None:
        found = self._cache.get(entry)
        if found is None:
            return None
        if self.monotonic() - found[0] > CACHE_TTL_S:
            del self._cache[entry]
            return None
        return found[1]

    def _keep(self, entry: bytes | KeyId, key: ApiKey | None) -> None:
        if key is None:
            return
        self._cache[entry] = (self.monotonic(), key)
        while len(self._cache) > CACHE_SIZE:
            self._cache.popitem(last=False)

    def _usable(self, key: ApiKey) -> bool:
        return key.revoked_at is None and (key.expires_at is None or key.expires_at > self.now())

    def _checked(self, key: ApiKey | None) -> ApiKey:
        if key is None or not self._usable(key):
            raise UnauthenticatedError("no such key, or it expired or was revoked")
        return key
