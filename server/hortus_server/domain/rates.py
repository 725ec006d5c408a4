"""Rates and places: what one key, and one tenant, may ask of the API. No clock and no I/O in here."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from hortus_server.domain.errors import LimitExceededError
from hortus_server.domain.ids import KeyId, TenantId

Holder = Literal["key", "tenant", "address"]


class RateDefaults(BaseModel):
    """What callers and connections may take of the API; keys and tenants can have limits of their own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key_per_minute: int = Field(default=60_000, ge=1, description="requests per minute of one key or user")
    key_burst: int = Field(default=2_000, ge=1, description="requests that one key or user may make at once")
    key_connections: int = Field(default=1_000, ge=1, description="requests and streams of one key open per process")
    tenant_per_minute: int = Field(default=240_000, ge=1, description="requests per minute of one tenant")
    tenant_burst: int = Field(default=8_000, ge=1, description="requests that one tenant may make at once")
    tenant_connections: int = Field(default=1_500, ge=1, description="requests and streams of a tenant per process")
    most_per_minute: int = Field(
        default=1_000_000, ge=1, description="the highest rate that an administrator can give to a key or tenant"
    )
    failures_per_minute: int = Field(
        default=120, ge=1, description="requests per minute without valid credentials of one address, per process"
    )
    failures_burst: int = Field(
        default=200, ge=1, description="such requests at once; beyond that 429. An IPv6 address counts for its /64"
    )
    keep_alive_s: float = Field(
        default=75.0, ge=1, description="seconds an idle connection is kept; more than a load balancer's (often 60)"
    )
    head_s: float = Field(default=15.0, gt=0, description="seconds that the head of a request may take to arrive")
    head_bytes: int = Field(default=32_768, ge=1024, description="largest head of a request with its address, in bytes")
    body_s: float = Field(default=30.0, gt=0, description="seconds that the body of a request may take to arrive")


@dataclass(frozen=True, slots=True)
class Limits:
    """A key's or a tenant's own limits; None takes the server's."""

    requests_per_minute: int | None = None
    burst: int | None = None
    connections: int | None = None


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asks: a key or a user of a tenant. `key_id` is None for a user, who has the limits of any key."""

    tenant_id: TenantId
    id: str
    key_id: KeyId | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """The limits in force: a bucket of `burst` requests that fills at `per_minute`, and places for what is open."""

    per_minute: int
    burst: int
    connections: int

    @property
    def per_second(self) -> float:
        """How fast the bucket fills."""
        return self.per_minute / 60

    @property
    def window_s(self) -> float:
        """Seconds in which an empty bucket is full again."""
        return self.burst / self.per_second


@dataclass(frozen=True, slots=True)
class Draw:
    """A wish for `wanted` requests of the bucket `name`."""

    name: str
    rate: Rate
    wanted: int


@dataclass(frozen=True, slots=True)
class Grant:
    """How many requests a bucket gave, and what is left in it."""

    granted: int
    level: float


@dataclass(slots=True)
class TokenBucket:
    """A bucket in this process. It begins full; a change of its rate holds from the next draw."""

    level: float
    filled_at: float

    def peek(self, rate: Rate, *, now: float) -> float:
        """How much is in it; `now` in seconds of a steady clock."""
        return min(self.level + max(0.0, now - self.filled_at) * rate.per_second, float(rate.burst))

    def draw(self, rate: Rate, wanted: int, *, now: float) -> Grant:
        """Take as much of `wanted` as there is."""
        self.level, self.filled_at = self.peek(rate, now=now), now
        granted = min(wanted, int(self.level))
        self.level -= granted
        return Grant(granted, self.level)


class RateLimitedError(LimitExceededError):
    """The bucket of a key or of its tenant is empty; `holder` says which."""

    code = "rate_limited"

    def __init__(self, holder: Holder, *, limit: int, retry_after_s: float) -> None:
        said = f"too many requests of this {holder}: {limit} per minute are allowed"
        super().__init__(said, limit=limit, retry_after_s=retry_after_s)
        self.holder = holder


class StrangerLimitedError(RateLimitedError):
    """Too much came from one address without valid credentials; whoever has some is served from there as before."""

    def __init__(self, *, limit: int, retry_after_s: float) -> None:
        super().__init__("address", limit=limit, retry_after_s=retry_after_s)
        self.args = (f"too many requests without valid credentials from this address: {limit} per minute are allowed",)


def key_rate(own: Limits, defaults: RateDefaults) -> Rate:
    """A key's limits in force."""
    return _rate(own, Rate(defaults.key_per_minute, defaults.key_burst, defaults.key_connections))


def tenant_rate(own: Limits, defaults: RateDefaults) -> Rate:
    """A tenant's limits in force."""
    return _rate(own, Rate(defaults.tenant_per_minute, defaults.tenant_burst, defaults.tenant_connections))


def _rate(own: Limits, default: Rate) -> Rate:
    per_minute = own.requests_per_minute or default.per_minute
    # A rate of one's own does not come with the burst of a far higher one.
    burst = own.burst or min(default.burst, max(per_minute, 1))
    return Rate(per_minute, burst, own.connections or default.connections)
