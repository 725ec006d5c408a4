"""The ASGI application: routes, layers, errors, documentation, the admin UI."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from hortus_server.api import errors, openapi
from hortus_server.api.answers import json_answer
from hortus_server.api.edge import Edge
from hortus_server.api.middleware import BodyGate, RequestContext
from hortus_server.api.refusals import refused
from hortus_server.api.routes import (
    admin,
    admission,
    agents,
    approvals,
    audit,
    budgets,
    endpoints,
    events,
    everyone,
    keys,
    labels,
    library,
    limits,
    login,
    oidc,
    operations,
    people,
    policies,
    run_files,
    run_insight,
    runs,
    schedules,
    secrets,
    sessions,
    statistics,
    stops,
    tool_changes,
    webhooks,
)
from hortus_server.api.ui import AdminUi
from hortus_server.domain.errors import NotFoundError
from hortus_server.services.stop_task import stop_task

STATIC = Path(__file__).parent.parent / "static"
ROUTERS = [
    agents.router,
    sessions.router,
    budgets.sessions,
    events.router,
    run_insight.router,
    run_files.router,
    runs.router,
    stops.runs,
    stops.orders,
    statistics.router,
    stops.agents,
    approvals.runs,
    approvals.router,
    policies.router,
    policies.simulation,
    schedules.router,
    webhooks.router,
    tool_changes.changes,
    tool_changes.activation,
    library.tools,
    library.memories,
    labels.memories,
    labels.router,
    library.models,
    login.router,
    oidc.router,
    keys.router,
    people.router,
    everyone.router,
    admin.router,
    stops.admin,
    budgets.router,
    limits.router,
    admission.router,
    audit.router,
    secrets.router,
    endpoints.router,
    operations.router,
]
DOCS = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Hortus API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<h1>Hortus API</h1><p>The description is at <a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1).
Open it in the viewer that you like; this server loads nothing from elsewhere.</p></html>"""


def create_app(edge: Edge, *, static: Path = STATIC) -> FastAPI:
    """The application over `edge`; it opens and closes nothing that `edge` holds, except its own streams."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            noting = group.create_task(edge.note_refusals.run())
            yield
            edge.registry.stop()
            await stop_task(noting)
        await edge.note_refusals.flush()

    app = FastAPI(
        title="Hortus",
        version=edge.options.version,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        middleware=[
            Middleware(RequestContext, metrics=edge.metrics),
            Middleware(BodyGate, limit_bytes=edge.options.body_limit_bytes),
        ],
    )
    app.state.edge = edge
    errors.install(app, told=lambda request, error: refused(edge, request, error))
    # As they are: `include_router` would analyse each anew, for every application, and match it twice at each request.
    app.router.routes.extend(route for router in ROUTERS for route in router.routes)
    _name_operations(app)
    _document_routes(app)
    openapi.install(app, ROUTERS)
    app.router.default = AdminUi(static)
    return app


def _name_operations(app: FastAPI) -> None:
    for route in app.routes:
        if isinstance(route, APIRoute):
            route.operation_id = route.name.removesuffix("_route")


def _document_routes(app: FastAPI) -> None:
    async def get_openapi(_request: Request) -> Response:
        return json_answer(app.openapi())

    async def get_docs(_request: Request) -> Response:
        return HTMLResponse(DOCS)

    async def get_problem(request: Request) -> Response:
        code = request.path_params["code"]
        if code not in errors.TITLES:
            raise NotFoundError("problem", code)
        status, title = errors.TITLES[code]
        return json_answer({"type": f"/problems/{code}", "code": code, "status": status, "title": title})

    app.add_route("/openapi.json", get_openapi, include_in_schema=False)
    app.add_route("/docs", get_docs, include_in_schema=False)
    app.add_route("/problems/{code}", get_problem, include_in_schema=False)
