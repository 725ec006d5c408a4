"""A commit that looks at nothing before it: where a worker's events come next in the log, one trip writes them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from hortus_agents.events import (
    TERMINAL_EVENTS,
    ApprovalRequested,
    Event,
    NewEvent,
    PolicyDecided,
    RunWaiting,
    ToolCalled,
    ToolFinished,
)
from hortus_server.domain.ids import RunId
from hortus_server.domain.records import Claim, Job
from hortus_server.ports.pending import Pending
from hortus_server.ports.store import Store


@dataclass(frozen=True, slots=True)
class WrittenNext:
    """What was committed; after the end of a run, the job that it owes and the run that can start."""

    events: tuple[Event, ...]
    job: Job | None = None
    following: RunId | None = None


async def write_next(
    store: Store, claim: Claim, events: Sequence[NewEvent], *, after: int, owes_memory: bool
) -> WrittenNext | None:
    """Commit events of a claimed run, and its end if one of them ends it, behind the log's event number `after`.

    None, and nothing written, where that is not the newest any more: what others said must be heard first. Raises
    StaleGenerationError, and NotFoundError when the session was deleted.
    """
    run = claim.run
    ending = next((event for event in events if event.payload.type in TERMINAL_EVENTS), None)
    job: Pending[Job | None] | None = None
    following: Pending[RunId | None] | None = None
    async with store.transaction(run.tenant_id) as uow:
        appended = uow.events.append(
            run.tenant_id, run.session_id, events, run_id=run.id, generation=claim.generation, after=after
        )
        if ending is not None:
            uow.runs.finish_logged(run, ending=ending)
            job = uow.wakeups.add_job_of_ended(run, "remember_run") if owes_memory else None
            # Nobody can queue a run between this look and the commit: the append holds the session's row, and a
            # submission appends too.
            following = uow.wakeups.next_queued(run.session_id)
    committed = appended.result()
    if not committed:
        return None
    return WrittenNext(
        committed, None if job is None else job.result(), None if following is None else following.result()
    )


def stands_alone(events: Sequence[NewEvent]) -> bool:
    """Whether nothing is written for these but themselves: no waits, used approvals or entries of the audit log."""
    more = ApprovalRequested | RunWaiting | ToolCalled | ToolFinished | PolicyDecided
    return not any(isinstance(event.payload, more) for event in events)


def foreseen(claim: Claim, events: Sequence[NewEvent], *, after: int) -> Iterator[Event]:
    """As they will stand in the log, if they come next."""
    run = claim.run
    for seq, event in enumerate(events, start=after + 1):
        yield Event(
            session_id=run.session_id,
            seq=seq,
            run_id=run.id,
            step=event.step,
            type=event.payload.type,
            at=event.at or datetime.now(UTC),
            payload=event.payload,
        )
