"""How requests meet the limits of their key and tenant, and how answers tell of them."""

import math
import time
from collections.abc import Iterator

from starlette.types import Scope

from hortus_server.services.limit_requests import Account, Place

_ACCOUNT, _PLACE = "hortus.account", "hortus.place"


def note(scope: Scope, account: Account) -> None:
    """Let the answer tell how much is left."""
    scope[_ACCOUNT] = account


def occupy(scope: Scope, place: Place) -> None:
    """Keep the place until the request ends."""
    scope[_PLACE] = place


def leave(scope: Scope) -> None:
    """Give the request's place back, if it has one."""
    place = scope.pop(_PLACE, None)
    if isinstance(place, Place):
        place.leave()


def rate_headers(scope: Scope) -> Iterator[tuple[str, str]]:
    """`RateLimit-Policy` and `RateLimit` as in draft-ietf-httpapi-ratelimit-headers; none before authentication."""
    account = scope.get(_ACCOUNT)
    if not isinstance(account, Account):
        return
    now = time.monotonic()
    policies, states = [], []
    for allowed in account.both:
        rate = allowed.rate
        remaining = allowed.remaining(now)
        full_s = math.ceil((rate.burst - remaining) / rate.per_second)
        policies.append(f'"{allowed.holder}";q={rate.burst};w={math.ceil(rate.window_s)}')
        states.append(f'"{allowed.holder}";r={remaining};t={full_s}')
    yield "RateLimit-Policy", ", ".join(policies)
    yield "RateLimit", ", ".join(states)
