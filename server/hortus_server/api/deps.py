"""What routes ask for, as annotated aliases."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import Depends, Header, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from hortus_server.api.auth import Caller, Require
from hortus_server.api.edge import Edge
from hortus_server.api.people import People
from hortus_server.api.schemas.wire import agent_of, id_or_name
from hortus_server.domain.errors import InvalidInputError, UnavailableError
from hortus_server.domain.ids import AgentId, ToolId
from hortus_server.services.create_once import Once
from hortus_server.services.paging import MAX_PAGE, PageSpec

T = TypeVar("T")
LARGEST_SEQ = 2**63 - 1
LARGEST_VERSION = 2**31 - 1


async def get_edge(request: Request) -> Edge:
    """The process's use cases."""
    edge: Edge = request.app.state.edge
    return edge


async def get_people(request: Request) -> People:
    """The use cases of people. Raises UnavailableError where this process has none."""
    edge: Edge = request.app.state.edge
    if edge.people is None:
        raise UnavailableError("people", "this process signs nobody in")
    return edge.people


async def refuse_query(request: Request) -> None:
    """For routes without query parameters. Raises InvalidInputError when there are any."""
    if request.query_params:
        unknown = ", ".join(sorted(request.query_params.keys())[:5])
        raise InvalidInputError(f"unknown query parameters: {unknown}")


class PageQuery(BaseModel):
    """Keyset paging."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=50, ge=1, le=MAX_PAGE, description="items per page")
    cursor: str | None = Field(default=None, min_length=1, max_length=500, description="a `next_cursor`")

    @property
    def page(self) -> PageSpec:
        """What the repositories take."""
        return PageSpec(self.limit, self.cursor)


Words = Annotated[
    str,
    Field(max_length=200, description="words that all have to occur; the newest 5,000 before the cursor are searched"),
]


class VersionsQuery(BaseModel):
    """Two versions to compare."""

    model_config = ConfigDict(extra="forbid")

    before: int = Field(ge=1, le=LARGEST_VERSION)
    after: int = Field(ge=1, le=LARGEST_VERSION)


class EventQuery(BaseModel):
    """A place in a log."""

    model_config = ConfigDict(extra="forbid")

    after: int = Field(default=0, ge=0, le=LARGEST_SEQ, description="number of the last event that the caller has")
    limit: int = Field(default=200, ge=1, le=1000, description="events per answer; a stream has no limit")


async def agent_key(
    agent: Annotated[str, Path(min_length=1, max_length=200, description="id or name")],
) -> AgentId | str:
    """An agent by id or name."""
    return agent_of(agent)


async def tool_key(tool: Annotated[str, Path(min_length=1, max_length=200, description="id or name")]) -> ToolId | str:
    """An evolved tool by id or name."""
    key = id_or_name(tool)
    return ToolId(key) if isinstance(key, UUID) else key


class IdempotencyHeader:
    """The caller's Idempotency-Key with what it is bound to."""

    def __init__(self, request: Request, *, key: str | None) -> None:
        self._key = key
        self._route = f"{request.method} {request.url.path}"
        self._body = request.scope.get("hortus.body", b"")

    def once(self, render: Callable[[T], Mapping[str, Any]], *, status: int = 201) -> Once[T]:
        """How the service makes it once."""
        digest = hashlib.sha256(self._body).digest()
        return Once(key=self._key, route=self._route, body_sha256=digest, status=status, render=render)


async def idempotency(
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=200,
            pattern=r"^[\x21-\x7e]+$",
            description="makes the request safe to repeat: the same key and body get the same answer",
        ),
    ] = None,
) -> IdempotencyHeader:
    """The Idempotency-Key of a create."""
    return IdempotencyHeader(request, key=idempotency_key)


EdgeDep = Annotated[Edge, Depends(get_edge)]
PeopleDep = Annotated[People, Depends(get_people)]
NoQuery = Depends(refuse_query)
Paging = Annotated[PageQuery, Query()]
TwoVersions = Annotated[VersionsQuery, Query()]
EventPlace = Annotated[EventQuery, Query()]
VersionNumber = Annotated[int, Path(ge=1, le=LARGEST_VERSION)]
AgentKey = Annotated[AgentId | str, Depends(agent_key)]
ToolKey = Annotated[ToolId | str, Depends(tool_key)]
Idempotent = Annotated[IdempotencyHeader, Depends(idempotency)]

Authenticated = Annotated[Caller, Depends(Require(None))]
Admin = Annotated[Caller, Depends(Require("admin"))]
UsersRead = Annotated[Caller, Depends(Require("users:read"))]
UsersWrite = Annotated[Caller, Depends(Require("users:write"))]
AgentsRead = Annotated[Caller, Depends(Require("agents:read"))]
AgentsWrite = Annotated[Caller, Depends(Require("agents:write"))]
SessionsRead = Annotated[Caller, Depends(Require("sessions:read"))]
SessionsWrite = Annotated[Caller, Depends(Require("sessions:write"))]
RunsRead = Annotated[Caller, Depends(Require("runs:read"))]
StopsWrite = Annotated[Caller, Depends(Require("stops:write"))]
RunsWrite = Annotated[Caller, Depends(Require("runs:write"))]
ToolsRead = Annotated[Caller, Depends(Require("tools:read"))]
ToolsWrite = Annotated[Caller, Depends(Require("tools:write"))]
MemoriesRead = Annotated[Caller, Depends(Require("memories:read"))]
MemoriesWrite = Annotated[Caller, Depends(Require("memories:write"))]
SchedulesRead = Annotated[Caller, Depends(Require("schedules:read"))]
SchedulesWrite = Annotated[Caller, Depends(Require("schedules:write"))]
ApprovalsRead = Annotated[Caller, Depends(Require("approvals:read"))]
ApprovalsDecide = Annotated[Caller, Depends(Require("approvals:decide"))]
PoliciesRead = Annotated[Caller, Depends(Require("policies:read"))]
PoliciesWrite = Annotated[Caller, Depends(Require("policies:write"))]
WebhooksRead = Annotated[Caller, Depends(Require("webhooks:read"))]
WebhooksWrite = Annotated[Caller, Depends(Require("webhooks:write"))]
AuditRead = Annotated[Caller, Depends(Require("audit:read"))]
SecretsRead = Annotated[Caller, Depends(Require("secrets:read"))]
SecretsWrite = Annotated[Caller, Depends(Require("secrets:write"))]
