"""A commit that looks at nothing before it: where a worker's events come next in the log, one trip writes them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from hortus_agents.events import (
    TERMINAL_EVENTS,
    ApprovalRequested,
    Event,
    EventPayload,
    NewEvent,
    PolicyDecided,
    RunWaiting,
    ToolCalled,
    ToolFinished,
)
from hortus_agents.loop.state import RunState, fold
from hortus_server.domain.ids import RunId
from hortus_server.domain.records import Claim, Job, Run
from hortus_server.ports.clock import utc_now
from hortus_server.ports.pending import Pending
from hortus_server.ports.store import Store, UnitOfWork


class UnheardError(Exception):
    """The run was about to end with an answer, and no model call has seen what the user said last."""


@dataclass(frozen=True, slots=True)
class Written:
    """Events of one transaction, the state behind them, the job that is owed then and the run that can start."""

    events: tuple[Event, ...]
    state: RunState
    job: Job | None = None
    following: RunId | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a run, asked for: the job that it owes, and who can start then."""

    job: Pending[Job | None] | None
    following: Pending[RunId | None]

    def behind(self, events: tuple[Event, ...], state: RunState) -> Written:
        """Once the answers have come."""
        return Written(events, state, None if self.job is None else self.job.result(), self.following.result())


async def write_next(
    store: Store,
    claim: Claim,
    events: Sequence[NewEvent],
    *,
    after: int,
    state: RunState,
    owes_memory: Callable[[RunState], bool],
) -> Written | None:
    """Commit events of a claimed run in `state`, and its end if one ends it, behind the log's event number `after`.

    None, and nothing written, where that is not the newest any more: what others said must be heard first. Raises
    StaleGenerationError, UnheardError, and NotFoundError when the session was deleted.
    """
    run = claim.run
    last = end_of(events)
    owed = False
    if last is not None:
        coming = folded(state, tuple(_foreseen(run, events, after=after)))
        demand_heard(coming)
        owed = owes_memory(coming)
    async with store.transaction(run.tenant_id) as uow:
        appended = uow.events.append(
            run.tenant_id, run.session_id, events, run_id=run.id, generation=claim.generation, after=after
        )
        ending = None if last is None else ask_end(uow, run, last, owes_memory=owed)
    committed = appended.result()
    if not committed:
        return None
    state = folded(state, committed)
    return Written(committed, state) if ending is None else ending.behind(committed, state)


def stands_alone(events: Sequence[NewEvent]) -> bool:
    """Whether nothing is written for these but themselves: no waits, used approvals or entries of the audit log."""
    more = ApprovalRequested | RunWaiting | ToolCalled | ToolFinished | PolicyDecided
    return not any(isinstance(event.payload, more) for event in events)


def ask_end(uow: UnitOfWork, run: Run, ending: EventPayload, *, owes_memory: bool) -> Ending:
    """End the row of a claimed run behind its last event, which was asked for before in the same transaction."""
    uow.runs.finish_logged(run, ending=ending)
    job = uow.wakeups.add_job_of_ended(run, "remember_run") if owes_memory else None
    # Nobody can queue a run between this look and the commit: the append holds the session's row, and a submission
    # appends too.
    return Ending(job, uow.wakeups.next_queued(run.session_id))


def end_of(events: Sequence[NewEvent]) -> EventPayload | None:
    """Which of them ends the run."""
    return next((event.payload for event in events if event.payload.type in TERMINAL_EVENTS), None)


def demand_heard(state: RunState) -> None:
    """Raise UnheardError where a run would end with an answer to something else than what was said last."""
    if state.status == "succeeded" and state.unheard:
        raise UnheardError


def folded(state: RunState, events: Sequence[Event]) -> RunState:
    """The state after these."""
    for event in events:
        state = fold(state, event)
    return state


def _foreseen(run: Run, events: Sequence[NewEvent], *, after: int) -> Iterator[Event]:
    """As they will stand in the log, if they come next."""
    for seq, event in enumerate(events, start=after + 1):
        yield Event(
            session_id=run.session_id,
            seq=seq,
            run_id=run.id,
            step=event.step,
            type=event.payload.type,
            at=event.at or utc_now(),
            payload=event.payload,
        )
