"""Count what comes without valid credentials, by address: refused sooner, and never in the way of who has some."""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from hortus_server.domain.addresses import network_of
from hortus_server.domain.rates import Rate, RateDefaults, StrangerLimitedError, TokenBucket

KNOWN: Final = 10_000  # networks that are remembered; the one that failed least lately goes
LOOKS: Final = 2  # look-ups at a time for all networks that are out of failures


@dataclass(slots=True)
class LimitStrangers:
    """One per process and in its memory alone: it saves work, and guards no secret that could be guessed.

    Only failures count, so that a valid key passes from an address that is out of them: many may share it. What such
    an address sends is looked up two at a time, and so keeps no more than two connections of the database.
    """

    defaults: RateDefaults = field(default_factory=RateDefaults)
    clock: Callable[[], float] = time.monotonic
    _networks: OrderedDict[str, TokenBucket] = field(default_factory=OrderedDict)
    _looking: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LOOKS))

    @property
    def _rate(self) -> Rate:
        return Rate(self.defaults.failures_per_minute, self.defaults.failures_burst, 0)

    @asynccontextmanager
    async def looking(self, address: str, *, known: bool = False) -> AsyncIterator[None]:
        """Held while credentials from an address are looked up; `known` ones cost nothing, and wait for nobody."""
        bucket = None if known or not self._networks else self._networks.get(network_of(address))
        if bucket is None or bucket.peek(self._rate, now=self.clock()) >= 1:
            yield
            return
        async with self._looking:
            yield

    def count(self, address: str) -> StrangerLimitedError | None:
        """Count a failure from an address; the refusal once there were too many."""
        network, now, rate = network_of(address), self.clock(), self._rate
        bucket = self._networks.get(network)
        if bucket is None:
            bucket = self._networks[network] = TokenBucket(float(rate.burst), now)
            if len(self._networks) > KNOWN:
                self._networks.popitem(last=False)
        self._networks.move_to_end(network)
        granted = bucket.draw(rate, 1, now=now)
        if granted.granted:
            return None
        wait_s = max((1.0 - granted.level) / rate.per_second, 0.001)
        return StrangerLimitedError(limit=rate.per_minute, retry_after_s=float(math.ceil(wait_s)))
