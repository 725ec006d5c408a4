"""Connections that cannot be held open, or made large, without sending requests: what uvicorn leaves open.

uvicorn with httptools bounds idle keep-alive connections alone. A client that connects and says nothing, that sends a
head or a body a byte at a time, or a head without an end, keeps its connection and its memory for ever.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from hortus_server.api.errors import PROBLEM_JSON, problem, problem_response

LINGER_S = 0.5
FRAMING_BYTES = 1_048_576  # around a body, besides what a chunk of one byte needs
FRAMING_PER_BYTE = 8


@dataclass(frozen=True, slots=True)
class ConnectionBounds:
    """What a connection may take. Up to `connections` are served, up to twice as many are told to come back."""

    connections: int
    head_s: float = 15.0
    head_bytes: int = 32_768
    body_s: float = 30.0


async def server_full(scope: Scope, receive: Receive, send: Send) -> None:
    """The answer where all connections are taken."""
    document = problem("unavailable", "all connections of this server are taken", component="api")
    await problem_response(document, headers={"Connection": "close"})(scope, receive, send)


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection, with one deadline at a time.

    That for a head runs from the connection's beginning or the head's first piece on, that for a body from its head on.
    Between requests uvicorn's own keep-alive timer runs.
    """

    bounds: ConnectionBounds

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._deadline: asyncio.TimerHandle | None = None
        self._in_head = True
        self._head_bytes = 0
        self._framing_bytes = 0
        self._refusal = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first head."""
        super().connection_made(transport)
        if len(self.connections) > 2 * self.bounds.connections:
            transport.abort()
            return
        self._wait(self.bounds.head_s, self._late_head)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._no_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, count the bytes of a head without an end, and wait for the rest."""
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._in_head and self._head_bytes > self.bounds.head_bytes:
            self._refuse("head_too_large")
        elif not self._in_head and self._frames_more_than_it_holds(len(data)):
            self._refuse("bad_request", "chunk extensions or trailers without an end")
        elif self._deadline is None:  # most requests come whole, and need none
            if not self._in_head:
                self._wait(self.bounds.body_s, self._late_body)
            elif self._head_bytes:
                self._wait(self.bounds.head_s, self._late_head)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take headers of the head alone: a trailer is none, least of all one that authenticates (RFC 9110, 6.5.1)."""
        if self._in_head:
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        """Count what a body holds against what it took."""
        self._framing_bytes = max(-FRAMING_BYTES, self._framing_bytes - FRAMING_PER_BYTE * len(body))
        super().on_body(body)

    def on_headers_complete(self) -> None:
        """Judge the size of the head."""
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self.bounds.head_bytes:
            self._refusal = "head_too_large"
            raise ValueError(self._refusal)  # the parser stops, and `send_400_response` tells
        self._in_head, self._head_bytes, self._framing_bytes = False, 0, 0
        self._no_deadline()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._in_head = True
        self._no_deadline()
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """From here on the WebSocket has bounds of its own."""
        super().handle_websocket_upgrade()
        self._in_head, self._head_bytes = True, 0
        self._no_deadline()

    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be parsed, with a problem document."""
        self._no_deadline()
        if not self.transport.is_closing():
            self._refuse(self._refusal or "bad_request", msg)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGIApp) -> None:  # type: ignore[override]
        is_full = max(len(self.connections), len(self.tasks)) > self.bounds.connections
        super()._start_asgi_task(cycle, server_full if is_full else app)  # type: ignore[arg-type]

    def _frames_more_than_it_holds(self, received: int) -> bool:
        self._framing_bytes += received
        return self._framing_bytes > FRAMING_BYTES

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        self._no_deadline()
        self._deadline = self.loop.call_later(seconds, then)

    def _no_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _late_head(self) -> None:
        if self._head_bytes == 0:  # nothing was asked, so nothing is answered
            self.transport.close()
            return
        self._refuse("request_timeout", f"the head of the request took longer than {self.bounds.head_s:g} s")

    def _late_body(self) -> None:
        self._refuse("request_timeout", f"the body of the request took longer than {self.bounds.body_s:g} s")

    def _refuse(self, code: str, detail: str = "") -> None:
        """Say why, unless an answer is under way, and hang up."""
        self._no_deadline()
        if self.transport.is_closing():
            return
        if self._can_answer():
            response = problem_response(problem(code, detail or f"at most {self.bounds.head_bytes} bytes"))
            length = f"content-length: {len(response.body)}\r\n"
            head = f"content-type: {PROBLEM_JSON}\r\n{length}connection: close\r\n\r\n"
            self.transport.write(STATUS_LINE[response.status_code] + head.encode() + bytes(response.body))
        self._hang_up()

    def _can_answer(self) -> bool:
        cycle = self.cycle
        if self.pipeline:
            return False  # the answer before is under way
        return cycle is None or not cycle.response_started or (cycle.response_complete and self._in_head)

    def _hang_up(self) -> None:
        """Close for writing now, and wholly a little later: closing over unread bytes would take the answer back."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.pause_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_S, self.transport.close)


def bounded_protocol(bounds: ConnectionBounds) -> type[BoundedHttpProtocol]:
    """The protocol with its bounds, as uvicorn takes one."""
    return type("BoundConnection", (BoundedHttpProtocol,), {"bounds": bounds})
