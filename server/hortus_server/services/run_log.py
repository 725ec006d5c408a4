"""One run's writing side: fenced commits, folded state, and the live text between them."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog

from hortus_agents.events import TERMINAL_EVENTS, Event, NewEvent, RunWaiting
from hortus_agents.loop.state import RunState, fold
from hortus_server.domain.errors import UnavailableError
from hortus_server.domain.ids import RunId
from hortus_server.domain.records import Claim, Job
from hortus_server.ports.live import LivePublisher
from hortus_server.ports.observer import RunObserver
from hortus_server.ports.queue import WakeupQueue
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.services.keep_leases import Stop, stop_asked
from hortus_server.services.project_waits import project_waits

T = TypeVar("T")
log = structlog.get_logger()

RETRY_S = 0.25  # seconds between attempts to commit while PostgreSQL is down
_PAGE = 500


@dataclass(frozen=True, slots=True)
class RunPorts:
    """Where a run's results go; one per process."""

    store: Store
    live: LivePublisher
    queue: WakeupQueue
    observer: RunObserver


class StopDueError(Exception):
    """Something asks the run to stop before its next side effect; what stands before that is committed."""

    def __init__(self, stop: Stop) -> None:
        super().__init__(stop.cause)
        self.stop = stop


class StopOverError(Exception):
    """The run need not wait any more: what it would wait for is over meanwhile. Nothing was written."""


@dataclass(frozen=True, slots=True)
class _Wakeups:
    """What is to be woken after the commit that ends a run."""

    job: Job | None = None
    run_id: RunId | None = None


@dataclass(slots=True)
class RunLog:
    """Appends to the log of a claimed run. `state` is the fold of all that is committed; `last_seq` the newest of it.

    `effect` is the class of the side effect under way, 0 while there is none. One writer at a time: the run's own task.
    """

    ports: RunPorts
    claim: Claim
    state: RunState
    last_seq: int
    owes_memory: Callable[[RunState], bool]
    effect: int = 0

    async def commit(self, events: Sequence[NewEvent], *, effect: int | None = None) -> tuple[Event, ...]:
        """Make events durable in one transaction, then tell readers.

        A terminal event also ends the run's row, wakes the session's next run and, where an episode is due, owes a
        job; a `run.waiting` parks the row. With `effect` a call of that class comes next and the last event says so:
        where the rows ask the run to stop, all but that one is committed and StopDueError raised.

        While PostgreSQL is down this waits and tries again, so that a finished model call is not lost. Cancellation
        waits for the attempt under way. Raises StaleGenerationError, NotFoundError when the session was deleted,
        StopOverError for a `run.waiting` whose reason is gone, and ApprovalMissingError for a `tool.called` whose
        approval is not there.
        """
        began = time.perf_counter()
        while True:
            try:
                return await settled(self._commit(events, effect, began))
            except UnavailableError as error:
                log.warning("commit_waits", error=str(error))
            await asyncio.sleep(RETRY_S)
            written = await self._written_before_the_failure()
            if written:
                # What else the commit would have told of, the reaper finds.
                return await settled(self._announce(written, _Wakeups(), began))

    async def _commit(self, events: Sequence[NewEvent], effect: int | None, began: float) -> tuple[Event, ...]:
        async with self.ports.store.transaction() as uow:
            stop = None if effect is None else await self._stop_before(uow, effect)
            committed, wakeups = await self._append(uow, events if stop is None else events[:-1])
        await self._announce(committed, wakeups, began)
        if stop is not None:
            raise StopDueError(stop)
        return committed

    async def _stop_before(self, uow: UnitOfWork, effect: int) -> Stop | None:
        run = self.claim.run
        signal = await uow.run_stops.signal(run.id, self.claim.generation, worker_id=run.worker_id or "")
        return stop_asked(signal, effect=effect)

    async def _announce(self, committed: tuple[Event, ...], wakeups: _Wakeups, began: float) -> tuple[Event, ...]:
        if not committed:
            return committed
        self.last_seq = committed[-1].seq
        for event in committed:
            self.state = fold(self.state, event)
        run = self.claim.run
        self.ports.observer.events_committed(self.claim, committed, duration_s=time.perf_counter() - began)
        await self.ports.live.publish_events(run.session_id, committed)
        if wakeups.job is not None:
            await self.ports.queue.wake_job(wakeups.job.id, wakeups.job.kind)
        if wakeups.run_id is not None:
            await self.ports.queue.wake_run(wakeups.run_id)
        return committed

    async def _append(self, uow: UnitOfWork, events: Sequence[NewEvent]) -> tuple[tuple[Event, ...], _Wakeups]:
        if not events:
            return (), _Wakeups()
        run = self.claim.run
        committed = await uow.events.append(
            run.tenant_id, run.session_id, events, run_id=run.id, generation=self.claim.generation
        )
        waiting = next((event.payload for event in committed if isinstance(event.payload, RunWaiting)), None)
        if waiting and not await uow.run_stops.park(run.id, self.claim.generation, reason=waiting.reason):
            raise StopOverError
        if not await project_waits(uow, run, committed):
            raise StopOverError
        if waiting:
            # Where the tenant's running runs are bounded, a place is free.
            return committed, _Wakeups(run_id=await uow.wakeups.next_queued(run.session_id))
        terminal = next((event for event in committed if event.type in TERMINAL_EVENTS), None)
        return committed, _Wakeups() if terminal is None else await self._end(uow, terminal, committed)

    async def _end(self, uow: UnitOfWork, terminal: Event, committed: Sequence[Event]) -> _Wakeups:
        run = self.claim.run
        await uow.runs.finish(run.id, self.claim.generation, event=terminal)
        state = self.state
        for event in committed:
            state = fold(state, event)
        job = await uow.wakeups.add_job(run.tenant_id, "remember_run", run.id) if self.owes_memory(state) else None
        # Nobody can queue a run between this look and the commit: the append above holds the session's row, and a
        # submission appends too.
        return _Wakeups(job, await uow.wakeups.next_queued(run.session_id))

    async def _written_before_the_failure(self) -> tuple[Event, ...]:
        """A commit whose answer was lost may have taken effect; only this worker writes events of this run."""
        run = self.claim.run
        try:
            async with self.ports.store.transaction() as uow:
                return await uow.events.list_after(
                    run.tenant_id, run.session_id, after=self.last_seq, limit=_PAGE, run_id=run.id
                )
        except UnavailableError:
            return ()


async def settled(work: Coroutine[Any, Any, T]) -> T:
    """Await `work`; a cancellation is held back until it is over, so that nobody has to guess what became of it."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # seen: the log shows whatever was written
        raise
