"""The log of each session in PostgreSQL."""

import re
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, get_args

from psycopg import AsyncConnection

from hortus_agents.events import TERMINAL_EVENTS, Event, EventPayload, ModelCalled, NewEvent, RunStarted
from hortus_server.adapters.postgres import rows
from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.errors import InvalidInputError, NotFoundError, StaleGenerationError
from hortus_server.domain.ids import RunId, SessionId, TenantId
from hortus_server.ports.pending import Pending

_STATEMENTS = load_statements("events.sql")

# What earlier runs leave to a run, at most: messages and bound tools. A prompt holds a bounded context, however long
# the conversation.
_EARLIER_EVENTS: Final = 120
_FOLD_ROWS: Final = 500

# A newer version of the server may have written types that this one does not know; its readers skip them.
_KNOWN_TYPES: Final = [str(payload.model_fields["type"].default) for payload in get_args(get_args(EventPayload)[0])]

# jsonb cannot hold the character U+0000. An even number of backslashes before it makes it one in JSON.
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


class _Place(NamedTuple):
    """Where an event was written; None for no event, and the rest says why there is none."""

    seq: int | None
    at: datetime | None
    fenced: bool = True
    known: bool = True


class PostgresEvents:
    """See `EventRepository`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    def append(
        self,
        tenant_id: TenantId,
        session_id: SessionId,
        events: Sequence[NewEvent],
        *,
        run_id: RunId | None = None,
        generation: int | None = None,
        after: int | None = None,
    ) -> Pending[tuple[Event, ...]]:
        """See the port. One statement, which counts model calls and owes deliveries to webhooks too.

        U+0000 in a payload becomes U+FFFD.
        """
        if not events:
            return self._sql.nothing(())
        if generation is not None and run_id is None:
            raise InvalidInputError("a generation belongs to a run")
        calls = _to_count(events)
        places = self._sql.many(
            "append_events" if generation is None else "append_fenced",
            _Place,
            tenant_id=tenant_id,
            session_id=session_id,
            run_id=run_id,
            generation=generation,
            after=after,
            steps=[event.step for event in events],
            types=[event.payload.type for event in events],
            ats=[event.at for event in events],
            payloads=[_to_json(event.payload) for event in events],
            calls=bool(calls),
            tokens=sum(call.usage.total_tokens for call in calls),
            cost_micros=sum(call.cost_micros for call in calls),
        )

        def numbered(found: list[_Place]) -> tuple[Event, ...]:
            if not found or not found[0].known:
                raise NotFoundError("session", session_id)
            if not found[0].fenced:
                raise StaleGenerationError(run_id, generation or 0)
            return tuple(
                Event(
                    session_id=session_id,
                    seq=place.seq,
                    run_id=run_id,
                    step=event.step,
                    type=event.payload.type,
                    at=place.at,
                    payload=event.payload,
                )
                for event, place in zip(events, found, strict=False)
                if place.seq is not None and place.at is not None
            )

        return places.map(numbered)

    def append_started(self, run_id: RunId, *, worker_id: str, lease: timedelta) -> Pending[Event | None]:
        """See the port."""
        started = RunStarted(worker_id=worker_id, generation=1)
        return self._sql.one(
            "append_started",
            rows.event,
            run_id=run_id,
            worker_id=worker_id,
            lease=lease,
            type=started.type,
            payload=_to_json(started),
        )

    async def list_after(
        self, tenant_id: TenantId, session_id: SessionId, *, after: int, limit: int, run_id: RunId | None = None
    ) -> tuple[Event, ...]:
        """See the port. Types that this version does not know are left out."""
        if run_id is not None:
            return tuple(await self._run_events(tenant_id, session_id, run_id, after=after, limit=limit))
        return tuple(
            await self._sql.many(
                "list_events",
                rows.event,
                tenant_id=tenant_id,
                session_id=session_id,
                after=after,
                known=_KNOWN_TYPES,
                rows=limit,
            )
        )

    async def stream_for_fold(self, tenant_id: TenantId, session_id: SessionId, run_id: RunId) -> AsyncIterator[Event]:
        """See the port. Two statements for a run of up to 500 events, one more for each 500 beyond."""
        for event in await self._earlier(run_id, tenant_id=tenant_id, session_id=session_id):
            yield event
        after, full = 0, True
        while full:
            page = await self._run_events(tenant_id, session_id, run_id, after=after, limit=_FOLD_ROWS)
            for event in page:
                yield event
            full = len(page) == _FOLD_ROWS
            after = page[-1].seq if page else after

    def fold_claimed(self, run_id: RunId) -> Pending[tuple[Event, ...]]:
        """See the port."""
        earlier = self._earlier(run_id)
        own = self._sql.many("claimed_events", rows.event, run_id=run_id, known=_KNOWN_TYPES, rows=_FOLD_ROWS)
        return own.map(lambda events: (*earlier.result(), *events))

    def _earlier(
        self, run_id: RunId, *, tenant_id: TenantId | None = None, session_id: SessionId | None = None
    ) -> Pending[list[Event]]:
        return self._sql.many(
            "earlier_events",
            rows.event,
            tenant_id=tenant_id,
            session_id=session_id,
            run_id=run_id,
            rows=_EARLIER_EVENTS,
        )

    async def _run_events(
        self, tenant_id: TenantId, session_id: SessionId, run_id: RunId, *, after: int, limit: int
    ) -> list[Event]:
        return await self._sql.many(
            "run_events",
            rows.event,
            tenant_id=tenant_id,
            session_id=session_id,
            run_id=run_id,
            after=after,
            known=_KNOWN_TYPES,
            rows=limit,
        )


def _to_count(events: Sequence[NewEvent]) -> list[ModelCalled]:
    """The model calls among these; none where the run ends with them, since its end counts what is uncounted."""
    if any(event.payload.type in TERMINAL_EVENTS for event in events):
        return []
    return [event.payload for event in events if isinstance(event.payload, ModelCalled)]


def _to_json(payload: EventPayload) -> str:
    text = payload.model_dump_json(exclude={"type"})
    return _NUL.sub(r"\1\\ufffd", text) if r"\u0000" in text else text
