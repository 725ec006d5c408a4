"""Read a session's log by cursor."""

from collections.abc import Sequence
from dataclasses import dataclass

from hortus_agents.events import Event
from hortus_server.domain.errors import InvalidCursorError
from hortus_server.domain.ids import RunId, SessionId, TenantId
from hortus_server.ports.retention import Gap
from hortus_server.ports.store import Store, UnitOfWork

MOST_GAPS = 100  # a log has one, at its beginning; more of them only after somebody's own deletions


@dataclass(frozen=True, slots=True)
class EventPart:
    """A part of a log: its events, what is missing among them, and the cursor behind it."""

    events: tuple[Event, ...]
    gaps: tuple[Gap, ...]
    next_after: int


async def read_events(store: Store, tenant_id: TenantId, session_id: SessionId, *, after: int, limit: int) -> EventPart:
    """Events above `after`, in order. Raises NotFoundError, and InvalidCursorError beyond the log's end."""
    async with store.transaction(tenant_id) as uow:
        session = await uow.sessions.get(tenant_id, session_id)
        check_cursor(after, last_seq=session.last_seq)
        events = await uow.events.list_after(tenant_id, session_id, after=after, limit=limit)
        # What was appended between the two reads is left to the next part.
        reached = events[-1].seq if len(events) == limit else max(session.last_seq, *(event.seq for event in events), 0)
        gaps = await missing_between(uow, tenant_id, session_id, events=events, after=after, up_to=reached)
    return EventPart(events, gaps, reached)


async def read_run_events(store: Store, tenant_id: TenantId, run_id: RunId, *, after: int, limit: int) -> EventPart:
    """This run's events above `after`, under their numbers in the session's log. Raises NotFoundError.

    A run's log is forgotten as a whole; the gap then ends where what is kept of the session's log begins.
    """
    async with store.transaction(tenant_id) as uow:
        run = await uow.runs.get(tenant_id, run_id)
        events = await uow.events.list_after(tenant_id, run.session_id, after=after, limit=limit, run_id=run_id)
        gaps: tuple[Gap, ...] = ()
        if not events and after < run.queued_seq:
            session = await uow.sessions.get(tenant_id, run.session_id)
            gaps = await uow.retention.missing(
                tenant_id, session.id, after=after, up_to=session.last_seq, limit=MOST_GAPS
            )
            gaps = tuple(gap for gap in gaps if gap.first <= run.queued_seq <= gap.last)
    reached = max(after, *(event.seq for event in events), *(gap.last for gap in gaps), 0)
    return EventPart(events, gaps, reached)


async def missing_between(
    uow: UnitOfWork, tenant_id: TenantId, session_id: SessionId, *, events: Sequence[Event], after: int, up_to: int
) -> tuple[Gap, ...]:
    """Which numbers above `after`, up to `up_to`, are gone; asked of the log only where `events` leave some out.

    An event of a type that this version does not know is not among `events`, but it is not gone either.
    """
    if len(events) == up_to - after:
        return ()
    return await uow.retention.missing(tenant_id, session_id, after=after, up_to=up_to, limit=MOST_GAPS)


def check_cursor(after: int, *, last_seq: int) -> None:
    """Raises InvalidCursorError for a number that this log has not given out yet."""
    if after > last_seq:
        raise InvalidCursorError(f"cursor {after} is beyond the end of the log, which is {last_seq}")
