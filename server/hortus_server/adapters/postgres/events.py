"""The log of each session in PostgreSQL."""

import re
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, get_args
from uuid import UUID

from psycopg import AsyncConnection

from hortus_agents.events import TERMINAL_EVENTS, Event, EventPayload, ModelCalled, NewEvent
from hortus_server.adapters.postgres import rows
from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.errors import InvalidInputError, NotFoundError, StaleGenerationError
from hortus_server.domain.ids import RunId, SessionId, TenantId

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
    """Where an event was written; of its tenant `watched` says that it has webhooks, `bounded` that it has a budget."""

    seq: int
    at: datetime
    watched: bool
    bounded: bool


class PostgresEvents:
    """See `EventRepository`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def append(
        self,
        tenant_id: TenantId,
        session_id: SessionId,
        events: Sequence[NewEvent],
        *,
        run_id: RunId | None = None,
        generation: int | None = None,
    ) -> tuple[Event, ...]:
        """See the port. One statement, one more in a tenant with webhooks and for model calls in one with a budget.

        U+0000 in a payload becomes U+FFFD.
        """
        if not events:
            return ()
        if generation is not None and run_id is None:
            raise InvalidInputError("a generation belongs to a run")
        calls = _to_count(events)
        places = await self._sql.many(
            "append_events" if generation is None else "append_fenced",
            _Place,
            tenant_id=tenant_id,
            session_id=session_id,
            run_id=run_id,
            generation=generation,
            steps=[event.step for event in events],
            types=[event.payload.type for event in events],
            ats=[event.at for event in events],
            payloads=[_to_json(event.payload) for event in events],
            calls=bool(calls),
        )
        if not places:
            await self._explain_refusal(tenant_id, session_id, run_id, generation)
        places.sort()
        if places[0].watched:
            await self._sql.count(
                "owe_deliveries",
                tenant_id=tenant_id,
                session_id=session_id,
                first=places[0].seq,
                last=places[-1].seq,
            )
        if places[0].bounded:
            await self._sql.count(
                "count_calls",
                tenant_id=tenant_id,
                run_id=run_id,
                generation=generation,
                at=places[-1].at,
                tokens=sum(call.usage.total_tokens for call in calls),
                cost_micros=sum(call.cost_micros for call in calls),
            )
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
            for event, place in zip(events, places, strict=True)
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
        for event in await self._sql.many(
            "earlier_events",
            rows.event,
            tenant_id=tenant_id,
            session_id=session_id,
            run_id=run_id,
            rows=_EARLIER_EVENTS,
        ):
            yield event
        after, full = 0, True
        while full:
            page = await self._run_events(tenant_id, session_id, run_id, after=after, limit=_FOLD_ROWS)
            for event in page:
                yield event
            full = len(page) == _FOLD_ROWS
            after = page[-1].seq if page else after

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

    async def _explain_refusal(
        self, tenant_id: TenantId, session_id: SessionId, run_id: RunId | None, generation: int | None
    ) -> None:
        found = await self._sql.one("session_exists", _session_id, tenant_id=tenant_id, session_id=session_id)
        if found is None or generation is None:
            raise NotFoundError("session", session_id)
        raise StaleGenerationError(run_id, generation)


def _session_id(*, id: UUID) -> UUID:  # noqa: A002 - a column's name
    return id


def _to_count(events: Sequence[NewEvent]) -> list[ModelCalled]:
    """The model calls among these; none where the run ends with them, since its end counts what is uncounted."""
    if any(event.payload.type in TERMINAL_EVENTS for event in events):
        return []
    return [event.payload for event in events if isinstance(event.payload, ModelCalled)]


def _to_json(payload: EventPayload) -> str:
    text = payload.model_dump_json(exclude={"type"})
    return _NUL.sub(r"\1\\ufffd", text) if r"\u0000" in text else text
