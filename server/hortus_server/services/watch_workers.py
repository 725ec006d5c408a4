"""Notice that a worker process died, and let others go on with its runs at once.

Each process shows a sign of life that the store takes back when it dies, and each looks for the others'. The timed
lease stays behind it, for a process that hangs and for a machine that is gone without a word.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import structlog

from hortus_server.domain.errors import HortusError
from hortus_server.ports.presence import Watch, WorkerPresence
from hortus_server.ports.queue import WakeupQueue
from hortus_server.services.stop_task import stop_task

log = structlog.get_logger()

CONFIRM_S = 0.1  # a sign of life that came back within this time, after a broken connection, was never gone
# After an outage of the store all signs of life are gone, and the living need a moment to show theirs again. Every
# process counts from its own return, so nothing rests on the server's clock, and a failover is an outage like another.
CALM_S = 3.0
FIRST_CALM_S = 0.5
FEW = 4  # so many processes look at the full rate; more of them share it, so that looking costs the same for any fleet
LONGEST_S = 2.0
ENTER_WAIT_S = 2.0
RETRY_S = 0.05
LONGEST_RETRY_S = 1.0


@dataclass(slots=True)
class WatchWorkers:
    """One instance per process. `worker_id` None only watches.

    `interval_s` is the time between two looks where there are few workers; `jitter` gives numbers in [0, 1).
    """

    presence: WorkerPresence
    queue: WakeupQueue
    worker_id: str | None
    interval_s: float
    jitter: Callable[[], float] = random.random
    monotonic: Callable[[], float] = time.monotonic
    _entered: asyncio.Event = field(default_factory=asyncio.Event)
    _returned: bool = False

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Be seen and look while the block runs. Without the store the block begins nevertheless."""
        task = asyncio.create_task(self._watch_forever())
        with suppress(TimeoutError):
            async with asyncio.timeout(ENTER_WAIT_S):
                await self._entered.wait()
        self._returned = True  # from here on this process may hold leases of its own
        try:
            yield
        finally:
            await stop_task(task)

    async def _watch_forever(self) -> None:
        retry_s = RETRY_S
        while True:
            began = self.monotonic()
            try:
                async with self.presence.watch(self.worker_id) as watch:
                    await self._watch(watch)
            except asyncio.CancelledError:
                raise
            except HortusError as error:
                log.warning("presence_lost", worker_id=self.worker_id, error=str(error))
            except Exception:
                log.exception("watching_broke", worker_id=self.worker_id)
            retry_s = RETRY_S if self.monotonic() - began > LONGEST_RETRY_S else min(2 * retry_s, LONGEST_RETRY_S)
            await asyncio.sleep(retry_s)

    async def _watch(self, watch: Watch) -> None:
        calm_until = self.monotonic() + (CALM_S if self._returned else FIRST_CALM_S)
        if not self._returned and self.worker_id is not None:
            for run_id in await watch.expire_own():
                await self.queue.wake_run(run_id)
        self._entered.set()
        while True:
            sight = await watch.look()
            if sight.gone and self.monotonic() >= calm_until:
                await watch.rest(CONFIRM_S)
                await self._bury(watch, sight.gone)
            await watch.rest(self._pause_s(sight.others))

    async def _bury(self, watch: Watch, gone: tuple[str, ...]) -> None:
        runs = await watch.bury(gone)
        log.warning("workers_died", workers=gone, woken=len(runs))
        for run_id in runs:
            await self.queue.wake_run(run_id)

    def _pause_s(self, others: int) -> float:
        shared = self.interval_s * max(1.0, (others + 1) / FEW)
        return min(shared, LONGEST_S) * (0.75 + self.jitter() / 2)
