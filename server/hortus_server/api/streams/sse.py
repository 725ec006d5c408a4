"""Server-sent events: the same frames as on a WebSocket, one way."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import UUID

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hortus_agents.events import Event
from hortus_server.api.auth import Caller, still_valid
from hortus_server.api.edge import Edge
from hortus_server.api.errors import internal_problem, problem_of
from hortus_server.api.streams.codes import CloseCode
from hortus_server.api.streams.frames import encode, frame, heartbeat
from hortus_server.domain.errors import HortusError
from hortus_server.domain.ids import SessionId
from hortus_server.services.follow_session import Idle, StreamItem
from hortus_server.services.stop_task import stop_task

log = structlog.get_logger()
RETRY_MS = 500


class EventStream(Response):
    """A stream until the client leaves, the server stops, or the reader takes nothing for too long.

    Made by `open_stream`, so that a wrong session or cursor is still a plain HTTP answer.
    """

    media_type = "text/event-stream"

    def __init__(self, edge: Edge, caller: Caller, session_id: SessionId, *, open_: AsyncExitStack) -> None:
        super().__init__(status_code=200, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._edge = edge
        self._caller = caller
        self._session_id = session_id
        self._open = open_
        self.items: AsyncIterator[StreamItem] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the ASGI signature
        """Serve the stream; ends without an error whatever side ends it."""
        async with self._open:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            writer = asyncio.create_task(self._write(send))
            leaving = asyncio.create_task(_left(receive))
            stopping = asyncio.create_task(self._edge.registry.stopping.wait())
            tasks = {writer, leaving, stopping}
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await stop_task(*tasks)
            if not leaving.cancelled() and leaving.done():
                return
            await self._finish(writer, send)

    async def _finish(self, writer: "asyncio.Task[None]", send: Send) -> None:
        error = None if writer.cancelled() else writer.exception()
        if isinstance(error, TimeoutError):
            # There is no way to tell a reader that does not read; the server hangs up on an unfinished answer.
            self._edge.metrics.streams_closed.labels(str(int(CloseCode.SLOW_READER))).inc()
            log.info("slow_reader", session_id=str(self._session_id))
            return
        if error is not None:
            document = problem_of(error) if isinstance(error, HortusError) else internal_problem(error)
            await self._send(send, "error", frame("error", problem=document, session_id=self._session_id))
        async with asyncio.timeout(self._edge.options.send_timeout_s):
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _write(self, send: Send) -> None:
        assert self.items is not None  # noqa: S101 - open_stream sets it
        await self._put(send, f"retry: {RETRY_MS}\n\n".encode())
        options = self._edge.options
        sent_at = checked_at = time.monotonic()
        slack_s = self._edge.follow_session.longest_poll_s
        async for item in self.items:
            now = time.monotonic()
            if now - checked_at >= options.heartbeat_s:
                checked_at = now
                await still_valid(self._edge, self._caller)
            if isinstance(item, Idle):
                if now - sent_at + slack_s < options.heartbeat_s:
                    continue
                await self._send(send, "heartbeat", heartbeat())
            else:
                kind, text = encode(item, self._session_id)
                await self._send(send, kind, text, seq=item.seq if isinstance(item, Event) else None)
            sent_at = now

    async def _send(self, send: Send, kind: str, text: str, *, seq: int | None = None) -> None:
        place = f"id: {seq}\n" if seq is not None else ""
        await self._put(send, f"{place}event: {kind}\ndata: {text}\n\n".encode())
        self._edge.metrics.frames.labels("sse", kind).inc()

    async def _put(self, send: Send, body: bytes) -> None:
        async with asyncio.timeout(self._edge.options.send_timeout_s):
            await send({"type": "http.response.body", "body": body, "more_body": True})


async def open_stream(edge: Edge, caller: Caller, session_id: UUID, *, after: int) -> EventStream:
    """Take a place and begin to follow. Raises NotFoundError, InvalidCursorError, LimitExceededError."""
    session = SessionId(session_id)
    stack = AsyncExitStack()
    try:
        await stack.enter_async_context(edge.registry.place("sse"))
        items = await stack.enter_async_context(edge.follow_session(caller.tenant_id, session, after=after))
    except BaseException:
        await stack.aclose()
        raise
    stream = EventStream(edge, caller, session, open_=stack)
    stream.items = items
    return stream


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
