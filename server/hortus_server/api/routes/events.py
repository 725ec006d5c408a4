"""A session's log: by cursor, as server-sent events, over WebSockets."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Request, WebSocket
from starlette.responses import Response

from hortus_server.api.auth import Caller, identify, is_secure, occupy_place
from hortus_server.api.cookies import cookie_name
from hortus_server.api.deps import LARGEST_SEQ, EdgeDep, EventPlace, SessionsRead
from hortus_server.api.edge import Edge
from hortus_server.api.errors import problem_of, problem_response
from hortus_server.api.event_json import event_list
from hortus_server.api.rates import leave
from hortus_server.api.refusals import refused
from hortus_server.api.responses import READ
from hortus_server.api.schemas.events import EventsView
from hortus_server.api.streams.socket import StreamSocket
from hortus_server.api.streams.sse import open_stream
from hortus_server.domain.errors import HortusError, InvalidCursorError, InvalidInputError
from hortus_server.domain.ids import SessionId
from hortus_server.services.read_events import read_events

router = APIRouter(prefix="/v1", tags=["events"])
STREAM = "text/event-stream"
EVENTS = READ | {200: {"content": {STREAM: {"schema": {"type": "string", "description": "frames of `ServerFrame`"}}}}}


@router.get("/sessions/{session_id}/events", response_model=EventsView, responses=EVENTS)
async def list_session_events(
    session_id: UUID,
    request: Request,
    edge: EdgeDep,
    caller: SessionsRead,
    query: EventPlace,
    last_event_id: Annotated[str | None, Header(description="cursor of a returning stream, instead of `after`")] = None,
) -> Response:
    """Events above `after`, in order; with `Accept: text/event-stream` a stream of them that goes on.

    The stream carries the same frames as the WebSocket; `id` is the cursor, so that a browser's `EventSource` resumes
    by itself. Each event above the cursor comes exactly once.
    """
    if STREAM in request.headers.get("accept", ""):
        after = query.after if last_event_id is None else cursor_of(last_event_id)
        return await open_stream(edge, caller, session_id, after=after)
    part = await read_events(edge.store, caller.tenant_id, SessionId(session_id), after=query.after, limit=query.limit)
    return event_list(part)


@router.websocket("/sessions/{session_id}/stream")
async def stream_session(websocket: WebSocket, session_id: str) -> None:
    """One session's stream, subscribed from above `after` without asking."""
    edge: Edge = websocket.app.state.edge
    try:
        home = SessionId(_uuid(session_id))
        after = cursor_of(_only(websocket, "after") or "0")
    except HortusError as error:
        await _deny(websocket, error)
        return
    await _serve(edge, websocket, home=home, after=after)


@router.websocket("/stream")
async def stream_sessions(websocket: WebSocket) -> None:
    """A stream of as many sessions as the client subscribes to."""
    edge: Edge = websocket.app.state.edge
    try:
        _only(websocket, None)
    except HortusError as error:
        await _deny(websocket, error)
        return
    await _serve(edge, websocket, home=None, after=0)


def cursor_of(text: str) -> int:
    """A place in a log. Raises InvalidCursorError unless it is a number from 0 on."""
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(LARGEST_SEQ)) and int(text) <= LARGEST_SEQ):
        raise InvalidCursorError("a cursor is the number of an event, 0 for the beginning")
    return int(text)


async def _serve(edge: Edge, websocket: WebSocket, *, home: SessionId | None, after: int) -> None:
    try:
        caller = await _caller(edge, websocket)
        async with edge.registry.place("websocket"):
            if caller is not None:
                # While there still is an HTTP answer to give: a wrong session or cursor is a plain 404 or 422.
                await occupy_place(edge, websocket.scope, caller)
                if home is not None:
                    await read_events(edge.store, caller.tenant_id, home, after=after, limit=1)
            await websocket.accept()
            await StreamSocket(edge, websocket, home=home).serve(caller, after=after)
    except HortusError as error:
        await _deny(websocket, refused(edge, websocket, error))
    finally:
        leave(websocket.scope)


async def _caller(edge: Edge, websocket: WebSocket) -> Caller | None:
    cookie = cookie_name(secure=is_secure(websocket, edge.options.public_origin))
    if "authorization" not in websocket.headers and cookie not in websocket.cookies:
        return None  # the first frame will tell
    caller = await identify(edge, websocket)
    caller.demand("sessions:read")
    return caller


async def _deny(websocket: WebSocket, error: HortusError) -> None:
    await websocket.send_denial_response(problem_response(problem_of(error)))


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise InvalidInputError("session_id is not an id") from error


def _only(websocket: WebSocket, name: str | None) -> str | None:
    unknown = sorted(key for key in websocket.query_params if key != name)
    if unknown:
        raise InvalidInputError(f"unknown query parameters: {', '.join(unknown[:5])}")
    return websocket.query_params.get(name) if name else None
