"""Agents and their versions."""

from fastapi import APIRouter
from starlette.responses import Response

from hortus_server.api.answers import created, json_answer
from hortus_server.api.deps import (
    AgentKey,
    AgentsRead,
    AgentsWrite,
    EdgeDep,
    Idempotent,
    NoQuery,
    Paging,
    TwoVersions,
    VersionNumber,
)
from hortus_server.api.responses import CHANGE, LIST, READ
from hortus_server.api.schemas.agents import (
    AgentCreate,
    AgentDetailView,
    AgentDiffView,
    AgentPage,
    AgentPin,
    AgentVersionCreate,
    AgentVersionPage,
    AgentVersionView,
    AgentView,
    FieldChangeView,
    new_agent_json,
    version_json,
)
from hortus_server.api.schemas.wire import page_json
from hortus_server.services.add_agent_version import add_agent_version
from hortus_server.services.create_agent import AgentDraft, create_agent
from hortus_server.services.diff_agent_versions import diff_agent_versions
from hortus_server.services.pin_agent_version import pin_agent_version

router = APIRouter(prefix="/v1/agents", tags=["agents"])


@router.post("", status_code=201, response_model=AgentDetailView, responses=CHANGE, dependencies=[NoQuery])
async def create_agent_route(body: AgentCreate, edge: EdgeDep, caller: AgentsWrite, idempotent: Idempotent) -> Response:
    """Define an agent. Its name is unique in the tenant; the definition becomes version 1."""
    once = idempotent.once(new_agent_json)
    draft = AgentDraft(body.name, body.description, body.spec)
    return created(await create_agent(edge.store, caller.tenant_id, draft=draft, once=once, actor=caller.actor))


@router.get("", response_model=AgentPage, responses=LIST)
async def list_agents(edge: EdgeDep, caller: AgentsRead, query: Paging) -> Response:
    """Agents, newest first."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        page = await uow.agents.list(caller.tenant_id, query.page)
    return json_answer(page_json(page, AgentView.model_validate))


@router.get("/{agent}", response_model=AgentDetailView, responses=READ, dependencies=[NoQuery])
async def get_agent(agent: AgentKey, edge: EdgeDep, caller: AgentsRead) -> Response:
    """An agent by id or name, with the definition that new runs use."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        found = await uow.agents.get(caller.tenant_id, agent)
        version = await uow.agents.get_version(caller.tenant_id, found.id, found.current_version)
    return json_answer(AgentDetailView.of(found, version.spec))


@router.post(
    "/{agent}/versions",
    status_code=201,
    response_model=AgentVersionView,
    responses=CHANGE,
    dependencies=[NoQuery],
)
async def create_agent_version(
    agent: AgentKey, body: AgentVersionCreate, edge: EdgeDep, caller: AgentsWrite, idempotent: Idempotent
) -> Response:
    """Give the agent its next version, which new runs use at once; runs that began stay on theirs."""
    once = idempotent.once(version_json)
    answer = await add_agent_version(
        edge.store, caller.tenant_id, key=agent, spec=body.spec, once=once, actor=caller.actor
    )
    return created(answer)


@router.get("/{agent}/versions", response_model=AgentVersionPage, responses=READ)
async def list_agent_versions(agent: AgentKey, edge: EdgeDep, caller: AgentsRead, query: Paging) -> Response:
    """Versions, newest first."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        found = await uow.agents.get(caller.tenant_id, agent)
        page = await uow.agents.list_versions(caller.tenant_id, found.id, query.page)
    return json_answer(page_json(page, AgentVersionView.model_validate))


@router.get("/{agent}/versions/{version}", response_model=AgentVersionView, responses=READ, dependencies=[NoQuery])
async def get_agent_version(agent: AgentKey, version: VersionNumber, edge: EdgeDep, caller: AgentsRead) -> Response:
    """One version."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        found = await uow.agents.get(caller.tenant_id, agent)
        record = await uow.agents.get_version(caller.tenant_id, found.id, version)
    return json_answer(AgentVersionView.model_validate(record))


@router.post("/{agent}/pin", response_model=AgentView, responses=CHANGE, dependencies=[NoQuery])
async def pin_agent(agent: AgentKey, body: AgentPin, edge: EdgeDep, caller: AgentsWrite) -> Response:
    """Make an existing version the one that new runs use: roll back, or forward again."""
    record = await pin_agent_version(edge.store, caller.tenant_id, key=agent, version=body.version, actor=caller.actor)
    return json_answer(AgentView.model_validate(record))


@router.get("/{agent}/diff", response_model=AgentDiffView, responses=READ)
async def diff_agent(agent: AgentKey, edge: EdgeDep, caller: AgentsRead, query: TwoVersions) -> Response:
    """What changed between two versions, field by field."""
    changes = await diff_agent_versions(edge.store, caller.tenant_id, key=agent, before=query.before, after=query.after)
    views = tuple(FieldChangeView.model_validate(change) for change in changes)
    return json_answer(AgentDiffView(before=query.before, after=query.after, changes=views))
