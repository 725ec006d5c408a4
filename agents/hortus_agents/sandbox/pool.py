"""The warm pool: jailed interpreters that wait, one for each of the next calls."""

import asyncio
from collections import deque
from collections.abc import Mapping

import structlog

from hortus_agents.errors import SandboxError
from hortus_agents.sandbox.calls import RunningCalls
from hortus_agents.sandbox.contract import (
    DEFAULT_LIMITS,
    NO_EXTRAS,
    CallExtras,
    SandboxLimits,
    SandboxResult,
    TierName,
)
from hortus_agents.sandbox.exchange import JailRequest
from hortus_agents.sandbox.jail import Jail, JailDiedIdleError
from hortus_agents.sandbox.tiers import Tier

REQUEST_KIB = 4096
HAND_OVERS = 3  # jails that may be found dead before a call gives up
RETRY_S = 1.0
LONGEST_RETRY_S = 30.0

_log = structlog.get_logger(__name__)


class JailPool:
    """`Sandbox` over one tier: `concurrency` calls at once, as many jails waiting, the rest of the calls queue.

    Belongs to the event loop, and to the thread, that opened it: the kernel kills the jails when that thread ends.
    """

    def __init__(self, tier: Tier, *, concurrency: int) -> None:
        self._tier = tier
        self._concurrency = concurrency
        self._slots = asyncio.Semaphore(concurrency)
        self._idle: deque[Jail] = deque()
        self._taken = asyncio.Event()
        self._taken.set()
        self._calls = RunningCalls()
        self._refill = asyncio.create_task(self._keep_filled(), name="sandbox-refill")

    @property
    def tier(self) -> TierName:
        """The isolation in force."""
        return self._tier.name

    async def run_function(
        self,
        source: str,
        *,
        function: str,
        arguments: Mapping[str, object],
        limits: SandboxLimits = DEFAULT_LIMITS,
        extras: CallExtras = NO_EXTRAS,
    ) -> SandboxResult:
        """See `Sandbox.run_function`."""
        request = JailRequest.of(source, function, arguments, limits=limits, extras=extras, most=REQUEST_KIB * 1024)
        return await self._calls.run(lambda: self._serve(request))

    async def run_script(
        self, source: str, *, limits: SandboxLimits = DEFAULT_LIMITS, extras: CallExtras = NO_EXTRAS
    ) -> SandboxResult:
        """See `Sandbox.run_script`."""
        request = JailRequest.of(source, None, {}, limits=limits, extras=extras, most=REQUEST_KIB * 1024)
        return await self._calls.run(lambda: self._serve(request))

    async def aclose(self) -> None:
        """Kill every jail, busy or idle, and wait until they are gone. A second call does nothing."""
        self._refill.cancel()
        await self._calls.close()
        await asyncio.wait([self._refill])
        while self._idle:
            await self._idle.popleft().close()

    async def _serve(self, request: JailRequest) -> SandboxResult:
        async with self._slots:
            for _ in range(HAND_OVERS - 1):
                jail = await self._take()
                try:
                    return await jail.serve(request)
                except JailDiedIdleError as exc:
                    _log.warning("sandbox_jail_died_idle", tier=self.tier, reason=str(exc))
            return await (await Jail.start(self._tier)).serve(request)

    async def _take(self) -> Jail:
        self._taken.set()
        while self._idle:
            jail = self._idle.popleft()
            if jail.alive:
                return jail
            await jail.close()
        return await Jail.start(self._tier)

    async def _keep_filled(self) -> None:
        retry_s = RETRY_S
        while True:
            await self._taken.wait()
            self._taken.clear()
            try:
                while len(self._idle) < self._concurrency:
                    self._idle.append(await Jail.start(self._tier))
                retry_s = RETRY_S
            except SandboxError as exc:
                # Calls start their own jails meanwhile, and report the reason to their callers.
                _log.warning("sandbox_refill_failed", tier=self.tier, reason=str(exc), retry_s=retry_s)
                await asyncio.sleep(retry_s)
                retry_s = min(retry_s * 2, LONGEST_RETRY_S)
                self._taken.set()
