"""One run's writing side: fenced commits, folded state, and the live text between them."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import structlog

from hortus_agents.errors import CallHeldError
from hortus_agents.events import Event, NewEvent, RunStarted, RunSucceeded, RunWaiting
from hortus_agents.loop.state import RunState
from hortus_agents.tools.proxy import Terms
from hortus_server.domain.errors import StaleGenerationError, UnavailableError
from hortus_server.domain.records import Claim
from hortus_server.ports.clock import Clock, utc_now
from hortus_server.ports.live import LivePublisher
from hortus_server.ports.observer import RunObserver
from hortus_server.ports.queue import WakeupQueue
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.services.check_terms import Held, check_terms
from hortus_server.services.keep_leases import Stop, stop_asked
from hortus_server.services.project_waits import project_waits
from hortus_server.services.record_audit import entries_of_calls
from hortus_server.services.reveal_secrets import RevealedSecrets
from hortus_server.services.write_next import (
    UnheardError,
    Written,
    ask_end,
    demand_heard,
    end_of,
    folded,
    stands_alone,
    write_next,
)

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
    revealed: RevealedSecrets = field(default_factory=RevealedSecrets)


class StopDueError(Exception):
    """Something asks the run to stop before its next side effect; what stands before that is committed."""

    def __init__(self, stop: Stop) -> None:
        super().__init__(stop.cause)
        self.stop = stop


class StopOverError(Exception):
    """The run need not wait any more: what it would wait for is over meanwhile. Nothing was written."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What is to be committed; with `effect` a call of that class comes next, on `terms`."""

    events: Sequence[NewEvent]
    effect: int | None
    terms: Terms | None


@dataclass(slots=True)
class RunLog:
    """Appends to the log of a claimed run. `state` is the fold of all that is committed; `last_seq` the newest of it.

    `effect` is the class of the side effect under way, 0 while there is none; `is_safe` tells whether the lease surely
    holds, which matters to effects: no fence guards them. `leased_at` is the monotonic time before which the lease
    cannot have begun, `clock` the time of day by the database. The run's own task writes; others append what the user
    says to the run, and that it is undone. Those events are folded where they stand in the log.
    """

    ports: RunPorts
    claim: Claim
    state: RunState
    last_seq: int
    leased_at: float
    owes_memory: Callable[[RunState], bool]
    clock: Clock = utc_now
    effect: int = 0
    is_safe: Callable[[], bool] = lambda: True

    async def commit(
        self, events: Sequence[NewEvent], *, effect: int | None = None, terms: Terms | None = None
    ) -> tuple[Event, ...]:
        """Make events durable in one transaction, then tell readers.

        A terminal event also ends the run's row, wakes the session's next run and, where an episode is due, owes a
        job; a `run.waiting` parks the row. A `run.succeeded` is left out, and the run goes on, where the user has said
        something that no model call has seen. With `effect` a call of that class comes next and the last event says
        so: where the rows ask the run to stop, all but that one is committed and StopDueError raised; where `terms` do
        not hold (any more), what `check_terms` says, and CallHeldError raised.

        While PostgreSQL is down this waits and tries again, so that a finished model call is not lost. Cancellation
        waits for the attempt under way. Raises StaleGenerationError, NotFoundError when the session was deleted,
        StopOverError for a `run.waiting` whose reason is gone, and ApprovalMissingError for a `tool.called` whose
        approval is not there.
        """
        began = time.perf_counter()
        while True:
            try:
                return await settled(self._commit(_Attempt(events, effect, terms), began))
            except UnavailableError as error:
                log.warning("commit_waits", error=str(error))
            written = await self._written_before_the_failure(events)
            if written and effect is not None and events and events[-1].payload.type not in _types(written):
                # It was held back, for a stop or by its terms; the next step finds out which.
                await settled(self._announce(Written(written, folded(self.state, written)), began))
                raise CallHeldError(stale=True)
            if written:
                # What else the commit would have told of, the reaper finds.
                return await settled(self._announce(Written(written, folded(self.state, written)), began))

    def demand_lease(self, effect: int | None) -> None:
        """Raise StaleGenerationError where a call of class `effect` comes next and the lease is not sure to hold."""
        if effect and not self.is_safe():
            raise StaleGenerationError(self.claim.run.id, self.claim.generation)

    async def _commit(self, attempt: _Attempt, began: float) -> tuple[Event, ...]:
        attempt = replace(attempt, events=self.ports.revealed.in_events(self.claim.run.tenant_id, attempt.events))
        try:
            written, bar = await self._transact(attempt)
        except UnheardError:
            # Seldom enough to be found out by trying; what was said cannot be taken back, so once more is enough.
            kept = [event for event in attempt.events if not isinstance(event.payload, RunSucceeded)]
            written, bar = await self._transact(replace(attempt, events=kept))
        await self._announce(written, began)
        match bar:
            case Stop():
                raise StopDueError(bar)
            case Held():
                raise CallHeldError(stale=bar.stale, reason=bar.reason)
            case None:
                return written.events

    async def _transact(self, attempt: _Attempt) -> tuple[Written, Stop | Held | None]:
        events = attempt.events
        if attempt.effect is None and events and stands_alone(events):
            written = await write_next(
                self.ports.store,
                self.claim,
                events,
                after=self.last_seq,
                state=self.state,
                owes_memory=self.owes_memory,
            )
            if written is not None:
                return written, None
        async with self.ports.store.transaction(self.claim.run.tenant_id) as uow:
            bar = await self._bar(uow, attempt)
            if bar is not None:
                events = bar.events if isinstance(bar, Held) else events[:-1]
            return await self._append(uow, events, attempt.effect), bar

    async def _bar(self, uow: UnitOfWork, attempt: _Attempt) -> Stop | Held | None:
        """What stands against the call that comes next: a stop, or that its terms do not hold."""
        if attempt.effect is None:
            return None
        run, effect = self.claim.run, attempt.effect
        signal = await uow.run_stops.signal(run.id, self.claim.generation, worker_id=run.worker_id or "")
        return stop_asked(signal, effect=effect) or await check_terms(
            uow, run, attempt.events, effect=effect, terms=attempt.terms, signal=signal
        )

    async def _announce(self, written: Written, began: float) -> tuple[Event, ...]:
        committed = written.events
        if not committed:
            return committed
        self.last_seq = committed[-1].seq
        self.state = written.state
        run = self.claim.run
        self.ports.observer.events_committed(self.claim, committed, duration_s=time.perf_counter() - began)
        await self.ports.live.publish_events(run.tenant_id, run.session_id, committed)
        if written.job is not None:
            await self.ports.queue.wake_job(written.job.id, written.job.kind)
        if written.following is not None:
            await self.ports.queue.wake_run(written.following)
        return committed

    async def _append(self, uow: UnitOfWork, events: Sequence[NewEvent], effect: int | None) -> Written:
        if not events:
            return Written((), self.state)
        run = self.claim.run
        committed = await uow.events.append(
            run.tenant_id, run.session_id, events, run_id=run.id, generation=self.claim.generation
        )
        for entry in entries_of_calls(self.claim, committed, effect=effect):
            await uow.audit.append(entry)
        state = folded(self.state, (*await self._from_outside(uow, committed[0].seq), *committed))
        waiting = next((event.payload for event in committed if isinstance(event.payload, RunWaiting)), None)
        if waiting and not await uow.run_stops.park(
            run.tenant_id, run.id, self.claim.generation, reason=waiting.reason
        ):
            raise StopOverError
        if not await project_waits(uow, run, committed):
            raise StopOverError
        if waiting:
            # Where the tenant's running runs are bounded, a place is free.
            return Written(committed, state, following=await uow.wakeups.next_queued(run.session_id))
        last = end_of(events)
        if last is None:
            return Written(committed, state)
        demand_heard(state)
        ending = ask_end(uow, run, last, owes_memory=self.owes_memory(state))
        await ending.following
        return ending.behind(committed, state)

    async def _from_outside(self, uow: UnitOfWork, before: int) -> tuple[Event, ...]:
        """What others appended to this run since the last commit; the log is gap-free, so mostly nobody need ask."""
        if before == self.last_seq + 1:
            return ()
        return tuple(event for event in await self._newer(uow) if event.seq < before)

    async def _written_before_the_failure(self, events: Sequence[NewEvent]) -> tuple[Event, ...]:
        """A commit whose answer was lost may have taken effect; only a next worker writes events of such types too.

        Waits until the database tells: an attempt that is made without knowing would write them again.
        """
        found = None
        while found is None:
            await asyncio.sleep(RETRY_S)
            found = await self._look()
        if any(isinstance(event.payload, RunStarted) for event in found):
            raise StaleGenerationError(self.claim.run.id, self.claim.generation)
        attempted = {event.payload.type for event in events}
        return found if any(event.type in attempted for event in found) else ()

    async def _look(self) -> tuple[Event, ...] | None:
        run = self.claim.run
        try:
            async with self.ports.store.transaction(run.tenant_id) as uow:
                await uow.run_stops.lock(run.tenant_id, run.id)  # the lost attempt may be under way still
                return await self._newer(uow)
        except UnavailableError:
            return None

    async def _newer(self, uow: UnitOfWork) -> tuple[Event, ...]:
        run = self.claim.run
        return await uow.events.list_after(
            run.tenant_id, run.session_id, after=self.last_seq, limit=_PAGE, run_id=run.id
        )


def _types(events: Sequence[Event]) -> set[str]:
    return {event.type for event in events}


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
