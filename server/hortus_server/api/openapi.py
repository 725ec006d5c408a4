"""The OpenAPI document: what FastAPI derives, plus scopes, error documents and the frames of streams."""

from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from hortus_agents.events import Event
from hortus_server.api.auth import Require
from hortus_server.api.errors import Problem
from hortus_server.api.streams.codes import CloseCode
from hortus_server.api.streams.frames import CLIENT_FRAME, SERVER_FRAME

REF = "#/components/schemas/{model}"
TAGS = [
    {"name": "agents", "description": "Definitions of agents, in immutable versions."},
    {"name": "sessions", "description": "Conversations; each owns one log of events."},
    {"name": "events", "description": "A session's log by cursor, and its streams."},
    {"name": "runs", "description": "Executions of agents."},
    {"name": "approvals", "description": "What runs ask of people: approvals, calls in doubt, questions."},
    {"name": "policies", "description": "Rules over tool calls: what is allowed, denied, or needs a person."},
    {"name": "labels", "description": "How sensitive things count by hand, whatever their labels say."},
    {"name": "schedules", "description": "Tasks that are submitted at due times."},
    {"name": "webhooks", "description": "Endpoints that are told of events, and their deliveries."},
    {"name": "tools", "description": "Tools that agents wrote, tested and share."},
    {"name": "memories", "description": "What agents remember."},
    {"name": "models", "description": "Models that agents may name."},
    {"name": "login", "description": "Who the credentials belong to; the admin UI's login."},
    {"name": "admin", "description": "Keys, workers, numbers."},
    {"name": "audit", "description": "Who did what, in a log that shows when it was tampered with."},
    {"name": "secrets", "description": "Credentials of tools: written, used by name, never read back."},
    {"name": "operations", "description": "Probes and metrics."},
]
DESCRIPTION = """\
Self-hosted agent orchestration. Everything of a tenant is reached with its API keys: `Authorization: Bearer hk_...`.

- Errors are RFC 9457 problem documents; `code` is stable.
- Unknown fields and query parameters are refused (422).
- Lists are pages, newest first: give `next_cursor` back as `cursor`.
- Every create takes an `Idempotency-Key`; a repetition gets the same answer and `Idempotent-Replayed: true`.
- Streams: `GET /v1/sessions/{session_id}/events` with `Accept: text/event-stream`, or the WebSockets
  `/v1/sessions/{session_id}/stream?after=N` and `/v1/stream`. They speak `ServerFrame` and `ClientFrame` (below).
"""


def install(app: FastAPI, routers: list[APIRouter]) -> None:
    """Make `app.openapi()` give the complete document, built once."""

    def build() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, routers)
        return app.openapi_schema

    app.openapi = build  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


def _document(app: FastAPI, routers: list[APIRouter]) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary="Agents that keep their promises: durable runs, memory, tools that grow",
        description=DESCRIPTION,
        routes=app.routes,
        tags=TAGS,
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    _publish(schemas, "Problem", TypeAdapter(Problem))
    _publish(schemas, "Event", TypeAdapter(Event))
    _publish(schemas, "ServerFrame", SERVER_FRAME)
    _publish(schemas, "ClientFrame", CLIENT_FRAME)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["CloseCode"] = {
        "type": "integer",
        "enum": [int(code) for code in CloseCode],
        "x-enum-varnames": [code.name for code in CloseCode],
        "description": "why the server closes a WebSocket; reconnect with the last cursor",
    }
    _show_scopes(document, routers)
    return document


def _publish(schemas: dict[str, Any], name: str, adapter: TypeAdapter[Any]) -> None:
    schema = adapter.json_schema(ref_template=REF, mode="serialization")
    for key, definition in schema.pop("$defs", {}).items():
        schemas.setdefault(key, definition)
    schemas.setdefault(name, {"title": name, **schema})


def _show_scopes(document: dict[str, Any], routers: list[APIRouter]) -> None:
    """Say which scope each operation needs, from the dependency that demands it."""
    scopes = {
        route.name.removesuffix("_route"): dependency.call.scope
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for dependency in route.dependant.dependencies
        if isinstance(dependency.call, Require)
    }
    for path in document["paths"].values():
        for operation in path.values():
            scope = scopes.get(operation.get("operationId"))
            if scope:
                operation["x-required-scope"] = scope
                operation["description"] = f"{operation.get('description', '')}\n\nScope: `{scope}`."
