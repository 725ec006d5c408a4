"""The only place that turns errors into HTTP: RFC 9457 problem documents, whatever went wrong."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import uuid4

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from hortus_server.domain.errors import (
    ApprovalClosedError,
    ForbiddenError,
    HortusError,
    LimitExceededError,
    NotFoundError,
    UnavailableError,
)
from hortus_server.domain.rates import RateLimitedError

log = structlog.get_logger()

PROBLEM_JSON = "application/problem+json"
SHOWN_ERRORS = 20

TITLES = {
    "malformed_json": (400, "The body is not valid JSON"),
    "bad_request": (400, "The request cannot be understood"),
    "unauthenticated": (401, "Valid credentials are needed"),
    "forbidden": (403, "The credentials do not cover this"),
    "csrf": (403, "A request with a cookie must come from the server's own pages"),
    "not_found": (404, "No such thing"),
    "no_route": (404, "No such route"),
    "method_not_allowed": (405, "The route does not know this method"),
    "conflict": (409, "The current state does not allow it"),
    "idempotency_mismatch": (409, "The Idempotency-Key was used for another request"),
    "approval_closed": (409, "There is nothing left to decide"),
    "run_ended": (409, "The run takes no more messages"),
    "session_busy": (409, "A run of the session has not ended"),
    "stale_generation": (409, "The run has another owner now"),
    "request_timeout": (408, "The request took too long to arrive"),
    "body_too_large": (413, "The body is too large"),
    "unsupported_media_type": (415, "The body must be JSON"),
    "invalid_request": (422, "The request does not fit its schema"),
    "invalid_input": (422, "The request cannot be fulfilled as it is"),
    "invalid_cursor": (422, "The cursor is not one of this server"),
    "limit_exceeded": (429, "A limit is reached"),
    "rate_limited": (429, "Too many requests"),
    "head_too_large": (431, "The address and headers are too large"),
    "internal": (500, "Something went wrong in the server"),
    "unavailable": (503, "A component does not answer"),
}
"""Code: status and title. The codes are stable, and `/problems/<code>` is their type."""


class FieldProblem(BaseModel):
    """One thing that does not fit."""

    loc: tuple[str, ...] = Field(examples=[["body", "limits", "tokens"]])
    msg: str
    type: str


class Problem(BaseModel):
    """RFC 9457 problem document; `code` is stable, `detail` is for people."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["/problems/not_found"])
    title: str
    status: int
    code: str
    detail: str
    request_id: str | None = None
    errors: tuple[FieldProblem, ...] | None = Field(default=None, description="with invalid_request")
    error_id: str | None = Field(default=None, description="with internal: find it in the server's log")


def problem(code: str, detail: str, **more: Any) -> dict[str, Any]:
    """A problem document as JSON; `more` are its extension members."""
    status, title = TITLES[code]
    return {"type": f"/problems/{code}", "title": title, "status": status, "code": code, "detail": detail, **more}


def problem_of(error: HortusError) -> dict[str, Any]:
    """The document for an error that the server raises on purpose."""
    more: dict[str, Any] = {}
    code = error.code
    match error:
        case RateLimitedError():
            more = {"limit": error.limit, "retry_after_s": error.retry_after_s, "holder": error.holder}
        case LimitExceededError():
            more = {"limit": error.limit, "retry_after_s": error.retry_after_s}
        case ApprovalClosedError():
            more = {"approval_status": error.status}
        case ForbiddenError():
            more = {"scope": error.scope}
        case NotFoundError():
            more = {"kind": error.kind}
        case UnavailableError():
            more = {"component": error.component}
        case _ if code not in TITLES:
            code = "internal"
        case _:
            pass
    return problem(code, str(error), **more)


def problem_response(
    document: Mapping[str, Any], *, request_id: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """The document as an HTTP response, with the headers that its code calls for."""
    sent = dict(headers or {})
    match document["code"]:
        case "unauthenticated":
            sent["WWW-Authenticate"] = 'Bearer realm="hortus"'
        case "limit_exceeded" | "rate_limited":
            sent["Retry-After"] = str(math.ceil(document["retry_after_s"]))
        case "unavailable":
            sent["Retry-After"] = "1"
    body = orjson.dumps({**document, "request_id": request_id} if request_id else document)
    return Response(body, status_code=document["status"], headers=sent, media_type=PROBLEM_JSON)


def internal_problem(error: BaseException) -> dict[str, Any]:
    """A document without any of the error's text; the log has it under the same id."""
    error_id = uuid4().hex
    log.error("internal_error", error_id=error_id, exc_info=error)
    return problem("internal", "The error was logged under this id.", error_id=error_id)


def install(app: FastAPI, *, told: Callable[[Request, HortusError], HortusError]) -> None:
    """Let `app` answer every error with a problem document; `told` gives what is told in the place of our own."""

    async def on_hortus_error(request: Request, error: Exception) -> Response:
        if not isinstance(error, HortusError):  # pragma: no cover - the registration below decides
            raise error
        return problem_response(problem_of(told(request, error)), request_id=_id_of(request))

    app.add_exception_handler(HortusError, on_hortus_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)


def _id_of(request: Request) -> str | None:
    value = request.scope.get("hortus.request_id")
    return value if isinstance(value, str) else None


async def _on_validation_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):  # pragma: no cover - the registration above decides
        raise error
    return problem_response(invalid_request(error.errors()), request_id=_id_of(request))


async def _on_http_exception(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):  # pragma: no cover - the registration above decides
        raise error
    code, detail = {
        404: ("no_route", f"nothing is served at {request.url.path}"),
        405: ("method_not_allowed", f"{request.method} is not allowed here"),
        413: ("body_too_large", "the body is larger than this server takes"),
    }.get(error.status_code, ("bad_request", str(error.detail)))
    return problem_response(problem(code, detail), request_id=_id_of(request), headers=error.headers)


def invalid_request(errors: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The document for a validation's errors; values are not echoed, since they may be secrets."""
    shown = [
        {
            "loc": [str(part) for part in error["loc"]],
            "msg": str(error["msg"]),
            "type": str(error["type"]),
        }
        for error in errors[:SHOWN_ERRORS]
    ]
    detail = "; ".join(f"{'.'.join(item['loc'])}: {item['msg']}" for item in shown[:3])
    return problem("invalid_request", detail or "invalid", errors=shown)
