"""One heartbeat per process: keeps the leases of all its runs, and learns what should stop."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

import structlog

from hortus_server.domain.errors import HortusError
from hortus_server.domain.ids import RunId
from hortus_server.domain.records import LeaseSignal
from hortus_server.ports.store import Store

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a run's work was cut off: somebody asked, or the lease is another worker's.

    `order_id` names the stop order behind it; None where the run itself was meant.
    """

    cause: Literal["cancelled", "paused", "frozen", "lost"]
    reason: str = ""
    order_id: UUID | None = None


def stop_asked(signal: LeaseSignal, *, effect: int) -> Stop | None:
    """What the rows ask of a run; `effect` is the class of the side effect that it does or is about to do."""
    if not signal.owned:
        return Stop("lost")
    if signal.cancel_requested:
        return Stop("cancelled", signal.cancel_reason or "cancelled")
    if signal.pause_reason is not None:
        return Stop("paused", signal.pause_reason, signal.order_id)
    if signal.freeze_reason is not None and effect > 0:
        return Stop("frozen", signal.freeze_reason, signal.order_id)
    return None


@dataclass(slots=True, eq=False)
class Hold:
    """A run under this process's lease; `task` is cancelled once `stop` is set.

    `effect` tells the class of the side effect that is under way; 0 while there is none.
    """

    run_id: RunId
    generation: int
    task: asyncio.Task[Any]
    safe_until: float
    effect: Callable[[], int] = lambda: 0
    stop: Stop | None = None
    timer: asyncio.TimerHandle | None = None
    slack_s: float = 0.0

    def end(self, stop: Stop) -> None:
        """Cut the work off, once."""
        if self.stop is None:
            self.stop = stop
            self.task.cancel()

    def is_safe(self) -> bool:
        """Whether nobody else can own the run yet, by this process's own clock."""
        return time.monotonic() < self.safe_until

    def may_show(self) -> bool:
        """Whether text may go to readers: looser, since a word too many is taken back and an effect is not."""
        return time.monotonic() < self.safe_until + self.slack_s

    def end_stale_effect(self, *, again_s: float) -> None:
        """Cut a side effect off whose lease ran out unseen, and look again when it would next.

        A timer rather than the heartbeat, because a process that was stopped for long runs due timers before anything
        that arrived meanwhile: the effect is cancelled before it could go on, while a heartbeat would first have to
        ask. What only thinks may go on: its commits are fenced.
        """
        left_s = self.safe_until - time.monotonic()
        if not self.is_safe() and self.effect() > 0:
            self.end(Stop("lost"))
        if self.stop is None:
            self.timer = asyncio.get_running_loop().call_later(
                left_s if left_s > 0 else again_s, lambda: self.end_stale_effect(again_s=again_s)
            )


@dataclass(slots=True)
class KeepLeases:
    """Renews every held lease each `heartbeat` in one query; one instance per worker process.

    Where PostgreSQL does not answer for the length of a lease, held runs are given up: another worker may own them. A
    side effect is cut off as soon as its lease may be over, whatever the reason.
    """

    store: Store
    worker_id: str
    lease: timedelta
    heartbeat: timedelta
    _held: dict[RunId, Hold] = field(default_factory=dict)

    @contextmanager
    def hold(
        self,
        run_id: RunId,
        generation: int,
        task: asyncio.Task[Any],
        *,
        since: float,
        effect: Callable[[], int] = lambda: 0,
    ) -> Iterator[Hold]:
        """Keep a lease just claimed while the block runs; cancels `task` when the work should stop.

        `since` is the monotonic time at which the claim was asked for.
        """
        lease_s = self.lease.total_seconds()
        hold = Hold(run_id, generation, task, since + lease_s, effect, slack_s=lease_s / 3)
        self._held[run_id] = hold
        hold.end_stale_effect(again_s=self.heartbeat.total_seconds())
        try:
            yield hold
        finally:
            if hold.timer is not None:
                hold.timer.cancel()
            if self._held.get(run_id) is hold:
                del self._held[run_id]

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Beat while the block runs."""
        task = asyncio.create_task(self._beat_forever())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _beat_forever(self) -> None:
        while True:
            await asyncio.sleep(self.heartbeat.total_seconds())
            if self._held:
                await self._beat()

    async def _beat(self) -> None:
        held = list(self._held.values())
        asked_at = time.monotonic()
        try:
            async with asyncio.timeout(self.lease.total_seconds() / 2), self.store.system_transaction() as uow:
                signals = await uow.runs.renew(
                    self.worker_id, [(hold.run_id, hold.generation) for hold in held], lease=self.lease
                )
        except (HortusError, TimeoutError) as error:
            log.warning("heartbeat_failed", held=len(held), error=str(error) or type(error).__name__)
            self._give_up_expired(held)
            return
        for hold, signal in zip(held, signals, strict=True):
            self._heed(hold, signal, asked_at)

    def _heed(self, hold: Hold, signal: LeaseSignal, asked_at: float) -> None:
        if signal.owned:
            # The store leaves a lease alone until a third of it is used up.
            hold.safe_until = asked_at + self.lease.total_seconds() * 2 / 3
        stop = stop_asked(signal, effect=hold.effect())
        if stop is not None:
            hold.end(stop)

    @staticmethod
    def _give_up_expired(held: list[Hold]) -> None:
        now = time.monotonic()
        for hold in held:
            if now > hold.safe_until:
                hold.end(Stop("lost"))
