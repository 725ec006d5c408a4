"""Read a session's log by cursor."""

from hortus_agents.events import Event
from hortus_server.domain.errors import InvalidCursorError
from hortus_server.domain.ids import RunId, SessionId, TenantId
from hortus_server.ports.store import Store


async def read_events(
    store: Store, tenant_id: TenantId, session_id: SessionId, *, after: int, limit: int
) -> tuple[Event, ...]:
    """Events above `after`, in order. Raises NotFoundError, and InvalidCursorError beyond the log's end."""
    async with store.transaction() as uow:
        session = await uow.sessions.get(tenant_id, session_id)
        check_cursor(after, last_seq=session.last_seq)
        return await uow.events.list_after(tenant_id, session_id, after=after, limit=limit)


async def read_run_events(
    store: Store, tenant_id: TenantId, run_id: RunId, *, after: int, limit: int
) -> tuple[Event, ...]:
    """This run's events above `after`, under their numbers in the session's log. Raises NotFoundError."""
    async with store.transaction() as uow:
        run = await uow.runs.get(tenant_id, run_id)
        return await uow.events.list_after(tenant_id, run.session_id, after=after, limit=limit, run_id=run_id)


def check_cursor(after: int, *, last_seq: int) -> None:
    """Raises InvalidCursorError for a number that this log has not given out yet."""
    if after > last_seq:
        raise InvalidCursorError(f"cursor {after} is beyond the end of the log, which is {last_seq}")
