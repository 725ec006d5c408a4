"""Bound what keys and tenants ask of the API: a rate that all processes share, and places in this one.

A process draws requests from the shared buckets in lots, larger ones the faster a caller is, and counts them down by
itself: most requests cost no round trip, and all processes together never let through more than the buckets gave.
While the buckets cannot be reached each process goes by buckets of its own, with the same rates.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar
from weakref import WeakValueDictionary

import structlog

from hortus_server.domain.errors import LimitExceededError, UnavailableError
from hortus_server.domain.ids import TenantId
from hortus_server.domain.rates import (
    Draw,
    Grant,
    Holder,
    Rate,
    RateDefaults,
    RateLimitedError,
    Requester,
    TokenBucket,
    key_rate,
    tenant_rate,
)
from hortus_server.ports.rates import SharedBuckets
from hortus_server.ports.store import Store

log = structlog.get_logger()

LIMITS_TTL_S: Final = 5.0  # so long a changed limit may be unknown to another process
KNOWN: Final = 10_000  # callers that are remembered, and tenants
LOT_TTL_S: Final = 1.0  # what is left of a lot then is given up
FAST_S: Final = 0.05  # a lot that lasts less is too small
LARGEST_LOT: Final = 64
MOST_DRAWS: Final = 20  # for one request
AWAY_S: Final = 1.0  # until the shared buckets are tried again
PLACE_RETRY_S: Final = 2.0

K = TypeVar("K")
V = TypeVar("V")


@dataclass(slots=True)
class Allowed:
    """What one bucket lets through: this process's lot, and what it last knew of the rest."""

    holder: Holder
    name: str
    rate: Rate
    left: int = 0
    size: int = 1
    level: float = 0.0
    drawn_at: float = float("-inf")
    empty_until: float = float("-inf")
    bucket: TokenBucket | None = None
    open: int = 0

    def change(self, rate: Rate) -> None:
        """Go by another rate; what was drawn at the old one is given up."""
        if rate != self.rate:
            self.rate, self.left, self.empty_until = rate, 0, float("-inf")

    def has(self, now: float) -> bool:
        """One more request may pass."""
        return self.left > 0 and now - self.drawn_at < LOT_TTL_S

    def draw(self, now: float, *, waiting: int) -> Draw:
        """The next lot: as large as speed and those who wait call for, and never much of the whole bucket."""
        is_fast = now - self.drawn_at < FAST_S
        largest = min(LARGEST_LOT, max(1, self.rate.burst // 32))
        self.size = min(max(self.size * 2 if is_fast else self.size // 2, 1), largest)
        return Draw(self.name, self.rate, min(max(self.size, waiting), LARGEST_LOT))

    def take(self, grant: Grant, now: float) -> None:
        """Keep what was given."""
        self.left, self.level, self.drawn_at = grant.granted, grant.level, now
        if not grant.granted:
            self.empty_until = now + (1.0 - grant.level) / self.rate.per_second

    def draw_here(self, wanted: int, now: float) -> Grant:
        """Draw from a bucket of this process alone."""
        if self.bucket is None:
            self.bucket = TokenBucket(float(self.rate.burst), now)
        return self.bucket.draw(self.rate, wanted, now=now)

    def refusal(self, now: float) -> RateLimitedError:
        """Why nothing passes, and when something will."""
        wait_s = max(self.empty_until - now, 0.001)
        return RateLimitedError(self.holder, limit=self.rate.per_minute, retry_after_s=wait_s)

    def remaining(self, now: float) -> int:
        """Requests that would pass now, as far as this process knows."""
        refilled = self.level + max(0.0, now - self.drawn_at) * self.rate.per_second
        return min(int(refilled) + self.left, self.rate.burst)


@dataclass(slots=True)
class Account:
    """A caller's two buckets; `tenant` is shared with the tenant's other callers."""

    who: Requester
    key: Allowed
    tenant: Allowed
    loaded_at: float
    waiting: int = 0
    drawing: asyncio.Lock = field(default_factory=asyncio.Lock)  # one draw at a time for the caller

    @property
    def both(self) -> tuple[Allowed, Allowed]:
        """The caller's own, then the tenant's."""
        return self.key, self.tenant

    def lacking(self, now: float) -> list[Allowed]:
        """Those from which nothing may pass without another draw."""
        return [one for one in self.both if not one.has(now)]


@dataclass(slots=True)
class Place:
    """A request or stream that is open; to be given back once."""

    held: tuple[Allowed, Allowed]

    def leave(self) -> None:
        """It has ended."""
        for allowed in self.held:
            allowed.open -= 1


@dataclass(slots=True)
class LimitRequests:
    """One per process. Without `shared` the process goes by itself."""

    store: Store
    shared: SharedBuckets | None
    defaults: RateDefaults = field(default_factory=RateDefaults)
    clock: Callable[[], float] = time.monotonic
    _accounts: OrderedDict[Requester, Account] = field(default_factory=OrderedDict)
    _tenants: OrderedDict[TenantId, Allowed] = field(default_factory=OrderedDict)
    # One per caller, held while its limits are looked up for the first time.
    _looks: WeakValueDictionary[Requester, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    _away_until: float = float("-inf")

    async def account(self, who: Requester) -> Account:
        """The caller's buckets. Raises UnavailableError when its limits are not known and cannot be looked up."""
        account = self._accounts.get(who) or await self._first(who)
        if self.clock() - account.loaded_at > LIMITS_TTL_S:
            account = await self._load(who, account)
        return account

    async def spend(self, account: Account) -> None:
        """Count one request. Raises RateLimitedError when the key's or the tenant's bucket is empty."""
        now = self.clock()
        lacking = account.lacking(now)
        # More than once, since others may take what was drawn for the tenant while the caller's own lot is drawn.
        for _ in range(MOST_DRAWS):
            if not lacking or any(now < one.empty_until for one in lacking):
                break
            await self._refill(account)
            now = self.clock()
            lacking = account.lacking(now)
        if lacking:
            raise max(lacking, key=lambda one: one.empty_until).refusal(now)
        for allowed in account.both:
            allowed.left -= 1

    def enter(self, account: Account) -> Place:
        """Take a place for what stays open. Raises LimitExceededError when the key or the tenant has none left."""
        for allowed in account.both:
            most = allowed.rate.connections
            if allowed.open >= most:
                said = f"too many requests and streams of this {allowed.holder} are open: {most} are allowed"
                raise LimitExceededError(said, limit=most, retry_after_s=PLACE_RETRY_S)
        for allowed in account.both:
            allowed.open += 1
        return Place(account.both)

    def forget(self, tenant_id: TenantId) -> None:
        """Look the tenant's limits up anew, because they were changed here."""
        for who, account in self._accounts.items():
            if who.tenant_id == tenant_id:
                account.loaded_at = float("-inf")

    async def _first(self, who: Requester) -> Account:
        look = self._looks.get(who)
        if look is None:
            look = self._looks[who] = asyncio.Lock()
        async with look:
            return self._accounts.get(who) or await self._load(who, None)

    async def _load(self, who: Requester, known: Account | None) -> Account:
        if known is not None:
            known.loaded_at = self.clock()  # others go on with what is known meanwhile
        try:
            async with self.store.transaction(who.tenant_id) as uow:
                own, of_tenant = await uow.limits.of_caller(who.tenant_id, who.key_id)
        except UnavailableError:
            if known is None:
                raise
            return known
        keys, tenants = key_rate(own, self.defaults), tenant_rate(of_tenant, self.defaults)
        tenant = _recall(self._tenants, who.tenant_id, lambda: Allowed("tenant", "tenant", tenants))
        account = _recall(
            self._accounts, who, lambda: Account(who, Allowed("key", f"key:{who.id}", keys), tenant, self.clock())
        )
        account.tenant, account.loaded_at = tenant, self.clock()
        tenant.change(tenants)
        account.key.change(keys)
        return account

    async def _refill(self, account: Account) -> None:
        account.waiting += 1
        try:
            async with account.drawing:
                now = self.clock()
                empty = account.lacking(now)
                if empty and all(now >= one.empty_until for one in empty):
                    draws = [one.draw(now, waiting=account.waiting) for one in empty]
                    for one, grant in zip(empty, await self._draw(account.who.tenant_id, draws, empty), strict=True):
                        one.take(grant, self.clock())
        finally:
            account.waiting -= 1

    async def _draw(self, tenant_id: TenantId, draws: list[Draw], empty: list[Allowed]) -> list[Grant]:
        now = self.clock()
        if self.shared is not None and now >= self._away_until:
            try:
                return list(await self.shared.draw(tenant_id, draws))
            except UnavailableError as error:
                self._away_until = self.clock() + AWAY_S
                log.warning("shared_limits_away", error=str(error))
        return [one.draw_here(draw.wanted, now) for one, draw in zip(empty, draws, strict=True)]


def _recall(known: OrderedDict[K, V], key: K, make: Callable[[], V]) -> V:
    found = known.get(key)
    if found is None:
        found = known[key] = make()
        while len(known) > KNOWN:
            known.popitem(last=False)
    else:
        known.move_to_end(key)
    return found
