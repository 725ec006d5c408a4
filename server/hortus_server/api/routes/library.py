"""What agents have grown: evolved tools, memories; and the models that they use."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from hortus_server.api.answers import json_answer
from hortus_server.api.deps import (
    AgentsRead,
    EdgeDep,
    MemoriesRead,
    MemoriesWrite,
    NoQuery,
    PageQuery,
    Paging,
    ToolKey,
    ToolsRead,
    ToolsWrite,
    VersionNumber,
)
from hortus_server.api.responses import CHANGE, LIST, READ
from hortus_server.api.schemas.library import (
    FoundMemoriesView,
    MemoryPage,
    MemoryPatch,
    MemoryView,
    ModelsView,
    ModelView,
    ToolDoubtPolicy,
    ToolPage,
    ToolUsesView,
    ToolUseView,
    ToolVersionDetailView,
    ToolVersionsView,
    ToolVersionView,
    ToolView,
)
from hortus_server.api.schemas.wire import agent_of, page_json
from hortus_server.domain.errors import NotFoundError, UnavailableError
from hortus_server.domain.ids import AgentId, MemoryId
from hortus_server.services.delete_memory import delete_memory
from hortus_server.services.edit_memory import MemoryEdit, edit_memory

tools = APIRouter(prefix="/v1/tools", tags=["tools"])
memories = APIRouter(prefix="/v1/memories", tags=["memories"])
models = APIRouter(prefix="/v1/models", tags=["models"])


class MemoryQuery(PageQuery):
    """Which memories."""

    agent_id: UUID | None = Field(default=None, description="only this agent's")


class MemorySearchQuery(BaseModel):
    """What to look for."""

    model_config = ConfigDict(extra="forbid")

    q: str = Field(min_length=1, max_length=2000, description="a question or some words")
    agent: str | None = Field(
        default=None, min_length=1, max_length=200, description="id or name: what this agent may recall"
    )
    limit: int = Field(default=10, ge=1, le=50)


@tools.get("", response_model=ToolPage, responses=LIST)
async def list_tools(edge: EdgeDep, caller: ToolsRead, query: Paging) -> Response:
    """Evolved tools, newest first."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        page = await uow.tools.list(caller.tenant_id, query.page)
    return json_answer(page_json(page, ToolView.model_validate))


@tools.get("/{tool}", response_model=ToolView, responses=READ, dependencies=[NoQuery])
async def get_tool(tool: ToolKey, edge: EdgeDep, caller: ToolsRead) -> Response:
    """An evolved tool by id or name."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        found = await uow.tools.get(caller.tenant_id, tool)
    return json_answer(ToolView.model_validate(found))


@tools.get("/{tool}/versions", response_model=ToolVersionsView, responses=READ, dependencies=[NoQuery])
async def list_tool_versions(tool: ToolKey, edge: EdgeDep, caller: ToolsRead) -> Response:
    """Versions, newest first, without their sources."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        found = await uow.tools.get(caller.tenant_id, tool)
        versions = await uow.tools.list_versions(caller.tenant_id, found.id)
    return json_answer(ToolVersionsView(items=tuple(ToolVersionView.model_validate(one) for one in versions)))


@tools.get("/{tool}/versions/{version}", response_model=ToolVersionDetailView, responses=READ, dependencies=[NoQuery])
async def get_tool_version(tool: ToolKey, version: VersionNumber, edge: EdgeDep, caller: ToolsRead) -> Response:
    """One version with its source, its schemas, its tests and what they gave."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        found = await uow.tools.get(caller.tenant_id, tool)
        versions = await uow.tools.list_versions(caller.tenant_id, found.id)
    for record in versions:
        if record.version == version:
            return json_answer(ToolVersionDetailView.model_validate(record))
    raise NotFoundError("tool version", version)


@tools.get("/{tool}/uses", response_model=ToolUsesView, responses=READ, dependencies=[NoQuery])
async def list_tool_uses(tool: ToolKey, edge: EdgeDep, caller: ToolsRead) -> Response:
    """Who used it: the latest 50 calls."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        found = await uow.tools.get(caller.tenant_id, tool)
        uses = await uow.statistics.tool_uses(caller.tenant_id, found.id, limit=50)
    return json_answer(ToolUsesView(items=tuple(ToolUseView.model_validate(one) for one in uses)))


@tools.post(
    "/{tool}/versions/{version}/in-doubt",
    response_model=ToolVersionView,
    responses=CHANGE,
    dependencies=[NoQuery],
)
async def set_tool_in_doubt(
    tool: ToolKey,
    version: VersionNumber,
    body: ToolDoubtPolicy,
    edge: EdgeDep,
    caller: ToolsWrite,
) -> Response:
    """Say whether interrupted calls of this version run again by themselves or wait for a person."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        found = await uow.tools.get(caller.tenant_id, tool)
        versions = await uow.tools.list_versions(caller.tenant_id, found.id)
        record = next((one for one in versions if one.version == version), None)
        if record is None:
            raise NotFoundError("tool version", version)
        record = await uow.tools.set_in_doubt(caller.tenant_id, record.id, policy=body.policy)
    return json_answer(ToolVersionView.model_validate(record))


@memories.get("", response_model=MemoryPage, responses=LIST)
async def list_memories(edge: EdgeDep, caller: MemoriesRead, query: Annotated[MemoryQuery, Query()]) -> Response:
    """Episodes and notes, newest first."""
    agent_id = AgentId(query.agent_id) if query.agent_id else None
    async with edge.store.transaction(caller.tenant_id) as uow:
        page = await uow.memories.list(caller.tenant_id, query.page, agent_id=agent_id)
    return json_answer(page_json(page, MemoryView.model_validate))


@memories.get("/search", response_model=FoundMemoriesView, responses=READ)
async def search_memories(
    edge: EdgeDep, caller: MemoriesRead, query: Annotated[MemorySearchQuery, Query()]
) -> Response:
    """Search by meaning and by words; 503 while the index is down."""
    agent = agent_of(query.agent) if query.agent else None
    found = await edge.search_memories(caller.tenant_id, query.q, limit=query.limit, agent=agent)
    return json_answer(FoundMemoriesView.model_validate(found))


@memories.get("/{memory_id}", response_model=MemoryView, responses=READ, dependencies=[NoQuery])
async def get_memory(memory_id: UUID, edge: EdgeDep, caller: MemoriesRead) -> Response:
    """One memory, with the events that it came from."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        record = await uow.memories.get(caller.tenant_id, MemoryId(memory_id))
    return json_answer(MemoryView.model_validate(record))


@memories.patch("/{memory_id}", response_model=MemoryView, responses=CHANGE, dependencies=[NoQuery])
async def edit_memory_route(memory_id: UUID, body: MemoryPatch, edge: EdgeDep, caller: MemoriesWrite) -> Response:
    """Put other words in place of what was remembered; agents recall them from now on. 503 while the index is down."""
    edited = await edit_memory(
        edge.store,
        edge.index,
        caller.tenant_id,
        memory_id=MemoryId(memory_id),
        edit=MemoryEdit(body.title, body.content),
        actor=caller.actor,
    )
    return json_answer(MemoryView.model_validate(edited))


@memories.delete("/{memory_id}", status_code=204, responses=CHANGE, dependencies=[NoQuery])
async def delete_memory_route(memory_id: UUID, edge: EdgeDep, caller: MemoriesWrite) -> Response:
    """Forget one memory; no agent recalls it from now on."""
    await delete_memory(edge.store, edge.index, caller.tenant_id, memory_id=MemoryId(memory_id), actor=caller.actor)
    return Response(status_code=204)


@models.get("", response_model=ModelsView, responses=LIST, dependencies=[NoQuery])
async def list_models(edge: EdgeDep, _caller: AgentsRead) -> Response:
    """Models that agents may name; 503 while the endpoint does not answer."""
    if edge.models is None:
        raise UnavailableError("model", "this server has no model endpoint")
    found = await edge.models.list()
    return json_answer(ModelsView(items=tuple(ModelView.model_validate(one) for one in found)))
