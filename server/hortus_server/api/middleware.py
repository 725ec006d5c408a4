"""Pure ASGI layers around the routes: the request's identity, its bounds, its measure."""

import math
import re
import time
from collections.abc import Iterable
from itertools import chain
from typing import Any
from uuid import uuid4

import orjson
import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hortus_server.api.errors import internal_problem, problem, problem_response
from hortus_server.api.metrics import EdgeMetrics
from hortus_server.api.rates import leave, rate_headers

log = structlog.get_logger()

REQUEST_ID = re.compile(r"^[A-Za-z0-9._:-]{1,128}$")
JSON_DEPTH = 64
BODY_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
UI_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def route_template(scope: Scope) -> str:
    """The template that matched, so that metrics have as many series as there are routes."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "unmatched"


class RequestContext:
    """Give each request an id, log lines that carry it, metrics, security headers, and an end without a stack."""

    def __init__(self, app: ASGIApp, *, metrics: EdgeMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(Headers(scope=scope).get("x-request-id"))
        scope["hortus.request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        answer = _Answer(request_id, send, scope)
        began = time.perf_counter()
        try:
            await self._app(scope, receive, answer.send)
        except Exception as error:  # noqa: BLE001 - the boundary of a request
            document = internal_problem(error)
            if not answer.started:
                await problem_response(document, request_id=request_id)(scope, receive, answer.send)
        finally:
            leave(scope)
            self._measure(scope, answer, time.perf_counter() - began)

    def _measure(self, scope: Scope, answer: "_Answer", duration_s: float) -> None:
        route, method = route_template(scope), _method(scope["method"])
        self._metrics.requests.labels(method, route, str(answer.status)).inc()
        if not answer.is_stream:
            self._metrics.latency.labels(method, route).observe(duration_s)
        log.info(
            "http_request",
            method=scope["method"],
            route=route,
            status=answer.status,
            duration_ms=round(duration_s * 1000, 2),
        )


class _Answer:
    """The sending side of one request."""

    def __init__(self, request_id: str, send: Send, scope: Scope) -> None:
        self._request_id = request_id
        self._send = send
        self._scope = scope
        self.status = 499  # until an answer begins: the client went away first
        self.started = False
        self.is_stream = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = self._request_id
            for name, value in rate_headers(self._scope):
                headers[name] = value
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
            content_type = headers.get("content-type", "")
            self.is_stream = content_type.startswith("text/event-stream")
            if content_type.startswith("text/html"):
                headers.setdefault("Content-Security-Policy", UI_POLICY)
        await self._send(message)


def _request_id(given: str | None) -> str:
    return given if given is not None and REQUEST_ID.match(given) else uuid4().hex


def _method(method: str) -> str:
    known = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
    return method if method in known else "other"


class BodyGate:
    """Read bodies whole and bounded, and refuse what no route could take: other media types, deep or odd JSON, NUL.

    What PostgreSQL cannot store (NUL in text, NaN and infinities in JSON) is refused here once for all routes.
    The bytes are left in `scope["hortus.body"]`, which idempotency hashes.
    """

    def __init__(self, app: ASGIApp, *, limit_bytes: int) -> None:
        self._app = app
        self._limit = limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        document, body = await self._examine(scope, receive)
        if document is not None:
            await problem_response(document, request_id=scope.get("hortus.request_id"))(scope, receive, send)
            return
        if body is None:
            await self._app(scope, receive, send)
            return
        scope["hortus.body"] = body
        await self._app(scope, _replay(body, receive), send)

    async def _examine(self, scope: Scope, receive: Receive) -> tuple[dict[str, Any] | None, bytes | None]:
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            return problem("invalid_input", "NUL is not allowed in addresses"), None
        if scope["method"] not in BODY_METHODS:
            return None, None
        headers = Headers(scope=scope)
        body = await self._read(headers, receive)
        if body is None:
            return problem("body_too_large", f"at most {self._limit} bytes", limit=self._limit), None
        if not body:
            return None, body
        media_type = headers.get("content-type", "").split(";", 1)[0].strip().lower()
        if media_type != "application/json":
            return problem("unsupported_media_type", "send application/json"), None
        return check_json(body), body

    async def _read(self, headers: Headers, receive: Receive) -> bytes | None:
        declared = headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > self._limit:
            return None
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return b"".join(chunks)
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > self._limit:
                return None
            chunks.append(chunk)
            if not message.get("more_body", False):
                return b"".join(chunks)


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replay() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def check_json(body: bytes | str) -> dict[str, Any] | None:
    """The problem with a JSON text, or None: syntax, depth, NUL, numbers that are not finite."""
    try:
        return check_value(orjson.loads(body))
    except orjson.JSONDecodeError as error:
        return problem("malformed_json", str(error))


def check_value(value: Any) -> dict[str, Any] | None:
    """The problem with a value that was JSON, or None: depth, NUL, numbers that are not finite."""
    level = [value]
    for _ in range(JSON_DEPTH):
        below: list[Any] = []
        for item in level:
            if isinstance(item, str) and "\0" in item:
                return problem("invalid_input", "NUL is not allowed in text")
            if isinstance(item, float) and not math.isfinite(item):
                return problem("invalid_input", "numbers must be finite")
            below.extend(_members(item))
        if not below:
            return None
        level = below
    return problem("invalid_input", f"JSON is nested deeper than {JSON_DEPTH} levels")


def _members(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return chain(value, value.values())
    return value if isinstance(value, list) else ()
