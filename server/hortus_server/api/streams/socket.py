"""One WebSocket: authentication, subscriptions to sessions, commands, and an orderly end."""

import asyncio
import contextlib
import time
from typing import Any
from uuid import UUID

import orjson
import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from hortus_server.api.auth import Caller, identify_key, occupy_place, still_valid
from hortus_server.api.edge import Edge
from hortus_server.api.errors import internal_problem, problem, problem_of
from hortus_server.api.refusals import refused
from hortus_server.api.streams.codes import CloseCode, StreamClosedError, close_code
from hortus_server.api.streams.commands import Commands
from hortus_server.api.streams.frames import AuthCommand, encode, frame, heartbeat
from hortus_server.domain.errors import (
    ConflictError,
    HortusError,
    LimitExceededError,
    NotFoundError,
    UnauthenticatedError,
)
from hortus_server.domain.ids import SessionId
from hortus_server.services.follow_session import Idle
from hortus_server.services.stop_task import stop_task

log = structlog.get_logger()

SUBSCRIPTIONS = 100  # per socket
CLOSE_WAIT_S = 2.0


class StreamSocket:
    """Serves one accepted WebSocket. `home` is the session of a session's own stream."""

    def __init__(self, edge: Edge, websocket: WebSocket, *, home: SessionId | None) -> None:
        self._edge = edge
        self._socket = websocket
        self._home = home
        self._send_lock = asyncio.Lock()  # one frame at a time, and so one slow frame at a time
        self._sent_at = time.monotonic()
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._group = asyncio.TaskGroup()

    async def serve(self, caller: Caller | None, *, after: int) -> None:
        """Run until either side ends it. Without a caller the first frame must authenticate."""
        try:
            await self._serve(caller, after)
        except* WebSocketDisconnect:
            pass
        except* StreamClosedError as group:
            await self._close(self._told(_first(group)))
        except* HortusError as group:
            error = refused(self._edge, self._socket, _first(group))
            document = problem_of(error)
            await self._close(StreamClosedError(close_code(document["status"]), str(error), problem=document))
        except* Exception as group:  # noqa: BLE001 - the boundary of a socket
            document = internal_problem(_first(group))
            await self._close(StreamClosedError(CloseCode.INTERNAL, "internal error", problem=document))

    async def _serve(self, caller: Caller | None, after: int) -> None:
        if caller is None:
            caller = await self._authenticate()
            await occupy_place(self._edge, self._socket.scope, caller)
        caller.demand("sessions:read")
        commands = Commands(self._edge, caller, self, home=self._home, told=self._refused)
        async with self._group as group:
            if self._home is not None:
                self.subscribe(caller, self._home, after=after, frame_id=None)
            group.create_task(self._beat(caller))
            group.create_task(self._stop())
            while True:
                value = await self._receive()
                await still_valid(self._edge, caller)  # a command is no less than a request
                await commands.handle(value)

    def _refused(self, error: HortusError, command: str) -> HortusError:
        return refused(self._edge, self._socket, error, attempt=f"WS {command}")

    async def _receive(self) -> dict[str, Any]:
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        text = message.get("text")
        if text is None:
            raise _malformed("send text frames")
        if len(text) > self._edge.options.socket_frame_limit_bytes:
            raise StreamClosedError(CloseCode.MALFORMED, "the frame is too large")
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise _malformed(str(error)) from error
        if not isinstance(value, dict):
            raise _malformed("send JSON objects")
        return value

    async def _authenticate(self) -> Caller:
        try:
            async with asyncio.timeout(self._edge.options.auth_wait_s):
                value = await self._receive()
        except TimeoutError as error:
            raise _unauthenticated("no auth frame came in time") from error
        if value.get("type") != "auth":
            raise _unauthenticated("the first frame must be of type auth")
        try:
            command = AuthCommand.model_validate(value)
        except ValueError as error:
            raise _unauthenticated("the auth frame needs an id and a key") from error
        caller = await identify_key(self._edge, self._socket, command.key)
        caller.demand("sessions:read")
        await self.reply(command.id, ok=True)
        return caller

    def subscribe(self, caller: Caller, session_id: SessionId, *, after: int, frame_id: str | int | None) -> None:
        """Follow a session in a task of its own, which also replies. Raises ConflictError, LimitExceededError."""
        if session_id in self._tasks:
            raise ConflictError(f"session {session_id} is subscribed already")
        if len(self._tasks) >= SUBSCRIPTIONS:
            raise LimitExceededError("too many subscriptions", limit=SUBSCRIPTIONS, retry_after_s=1.0)
        task = self._group.create_task(self._follow(caller, session_id, after, frame_id))
        self._tasks[session_id] = task

    async def unsubscribe(self, session_id: SessionId) -> None:
        """Stop following. Raises NotFoundError."""
        task = self._tasks.pop(session_id, None)
        if task is None:
            raise NotFoundError("subscription", session_id)
        await stop_task(task)

    async def _follow(self, caller: Caller, session_id: SessionId, after: int, frame_id: str | int | None) -> None:
        replied = frame_id is None
        try:
            async with self._edge.follow_session(caller.tenant_id, session_id, after=after) as items:
                if frame_id is not None:
                    await self.reply(frame_id, ok=True, session_id=session_id)
                    replied = True
                async for item in items:
                    if not isinstance(item, Idle):
                        kind, text = encode(item, session_id)
                        await self.send(kind, text)
        except HortusError as error:
            self._tasks.pop(session_id, None)
            if session_id == self._home:
                raise
            document = problem_of(error)
            if replied:
                await self.send("error", frame("error", problem=document, session_id=session_id))
            else:
                await self.reply(frame_id, ok=False, problem=document)

    async def _beat(self, caller: Caller) -> None:
        """Show that the connection lives, and end it when the key does not."""
        period_s = self._edge.options.heartbeat_s
        while True:
            await asyncio.sleep(period_s)
            await still_valid(self._edge, caller)
            if time.monotonic() - self._sent_at >= period_s * 0.9:
                await self.send("heartbeat", heartbeat())

    async def _stop(self) -> None:
        await self._edge.registry.stopping.wait()
        raise StreamClosedError(CloseCode.TRY_AGAIN_ELSEWHERE, "the server restarts")

    async def send(self, kind: str, text: str) -> None:
        """Send a frame. Raises StreamClosedError when the client takes nothing for too long."""
        async with self._send_lock:
            try:
                async with asyncio.timeout(self._edge.options.send_timeout_s):
                    await self._socket.send_text(text)
            except TimeoutError as error:
                raise StreamClosedError(CloseCode.SLOW_READER, "the reader took nothing for too long") from error
        self._sent_at = time.monotonic()
        self._edge.metrics.frames.labels("websocket", kind).inc()

    async def reply(self, frame_id: str | int | None, *, ok: bool, **fields: Any) -> None:
        """Send the one reply to a client's frame."""
        await self.send("reply", frame("reply", id=frame_id, ok=ok, **fields))

    def _told(self, ending: StreamClosedError) -> StreamClosedError:
        """A socket that never says who it is counts for its address, as a request without credentials does."""
        if ending.code is not CloseCode.UNAUTHENTICATED:
            return ending
        error = refused(self._edge, self._socket, UnauthenticatedError(ending.reason))
        if isinstance(error, UnauthenticatedError):
            return ending
        return StreamClosedError(CloseCode.TOO_MANY, str(error), problem=problem_of(error))

    async def _close(self, ending: StreamClosedError) -> None:
        self._edge.metrics.streams_closed.labels(str(int(ending.code))).inc()
        if self._socket.application_state is not WebSocketState.CONNECTED:
            return
        with contextlib.suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
            async with asyncio.timeout(CLOSE_WAIT_S):
                if ending.problem is not None:
                    await self._socket.send_text(frame("error", problem=ending.problem))
                await self._socket.close(int(ending.code), ending.reason[:120])


def _malformed(detail: str) -> StreamClosedError:
    return StreamClosedError(CloseCode.MALFORMED, "malformed frame", problem=problem("malformed_json", detail))


def _unauthenticated(detail: str) -> StreamClosedError:
    return StreamClosedError(CloseCode.UNAUTHENTICATED, detail, problem=problem("unauthenticated", detail))


def _first(group: BaseExceptionGroup[Any]) -> Any:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
