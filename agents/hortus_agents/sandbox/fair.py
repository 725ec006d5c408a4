"""A sandbox that tenants share in turn: one that floods it makes itself wait, not the others."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Hashable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from hortus_agents.sandbox.contract import (
    DEFAULT_LIMITS,
    NO_EXTRAS,
    CallExtras,
    Sandbox,
    SandboxLimits,
    SandboxResult,
    TierName,
)


@dataclass(slots=True)
class _Turn:
    """A tenant that holds places or waits for some; `served` is when it got its last one, in places handed out."""

    tenant: Hashable
    held: int = 0
    served: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)


class FairPlaces:
    """So many places at once, for one event loop.

    A place that is free goes to the waiting tenant that holds fewest, then to the one whose last place is longest ago;
    within a tenant, who came first is served first. Only tenants that hold or wait are known, and as many wait as there
    are calls, which the process bounds.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._handed_out = 0
        self._turns: dict[Hashable, _Turn] = {}

    @asynccontextmanager
    async def place(self, tenant: Hashable) -> AsyncIterator[None]:
        """Hold a place, after waiting for one where none is free."""
        turn = self._turns.setdefault(tenant, _Turn(tenant))
        await self._take(turn)
        try:
            yield
        finally:
            self._give_back(turn)

    async def _take(self, turn: _Turn) -> None:
        if self._free > 0:
            self._hand_to(turn)
            return
        place = asyncio.get_running_loop().create_future()
        turn.waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place in turn.waiting:
                turn.waiting.remove(place)
                self._forget(turn)
            elif not place.cancelled():
                self._give_back(turn)  # it had been handed over just before
            raise

    def _hand_to(self, turn: _Turn) -> None:
        self._free -= 1
        self._handed_out += 1
        turn.held += 1
        turn.served = self._handed_out

    def _give_back(self, turn: _Turn) -> None:
        self._free += 1
        turn.held -= 1
        while self._free > 0:
            waiting = [each for each in self._turns.values() if each.waiting]
            if not waiting:
                break
            following = min(waiting, key=lambda each: (each.held, each.served))
            place = following.waiting.popleft()
            if place.done():
                self._forget(following)  # who waited was cancelled, and has not run since
                continue
            self._hand_to(following)
            place.set_result(None)
        self._forget(turn)

    def _forget(self, turn: _Turn) -> None:
        if turn.held == 0 and not turn.waiting:
            self._turns.pop(turn.tenant, None)


class FairSandbox:
    """One sandbox for all tenants of a process; `places` is how many calls it serves at once."""

    def __init__(self, sandbox: Sandbox, *, places: int) -> None:
        self._sandbox = sandbox
        self._places = FairPlaces(places)

    def of(self, tenant: Hashable) -> Sandbox:
        """The sandbox as this tenant uses it. Whoever opened it closes it; calls that wait for a place fail then."""
        return _Share(self._sandbox, self._places, tenant)


@dataclass(frozen=True, slots=True)
class _Share:
    """See `Sandbox`."""

    sandbox: Sandbox
    places: FairPlaces
    tenant: Hashable

    @property
    def tier(self) -> TierName:
        """See the port."""
        return self.sandbox.tier

    async def run_function(
        self,
        source: str,
        *,
        function: str,
        arguments: Mapping[str, object],
        limits: SandboxLimits = DEFAULT_LIMITS,
        extras: CallExtras = NO_EXTRAS,
    ) -> SandboxResult:
        """See the port."""
        async with self.places.place(self.tenant):
            return await self.sandbox.run_function(
                source, function=function, arguments=arguments, limits=limits, extras=extras
            )

    async def run_script(
        self, source: str, *, limits: SandboxLimits = DEFAULT_LIMITS, extras: CallExtras = NO_EXTRAS
    ) -> SandboxResult:
        """See the port."""
        async with self.places.place(self.tenant):
            return await self.sandbox.run_script(source, limits=limits, extras=extras)

    async def aclose(self) -> None:
        """Nothing: others use it too."""
