"""Sensitivity by hand: of a tenant, of a tool, of a memory. No agent has these scopes."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from starlette.responses import Response

from hortus_server.api.answers import json_answer
from hortus_server.api.deps import EdgeDep, NoQuery, PoliciesRead, PoliciesWrite
from hortus_server.api.responses import CHANGE, LIST
from hortus_server.api.schemas.labels import LabelsView, SensitivityChange
from hortus_server.api.schemas.library import MemoryView
from hortus_server.domain.ids import MemoryId
from hortus_server.services.change_sensitivity import ChangeSensitivity, Raise

router = APIRouter(prefix="/v1/labels", tags=["labels"])
memories = APIRouter(prefix="/v1/memories", tags=["memories"])
ToolName = Annotated[
    str, Path(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,127}$", description="as models call it; it need not exist yet")
]


@router.get("", response_model=LabelsView, responses=LIST, dependencies=[NoQuery])
async def get_labels(edge: EdgeDep, caller: PoliciesRead) -> Response:
    """What people have said of the tenant and of tools."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        floors = await uow.floors.list(caller.tenant_id)
    return json_answer(LabelsView.of(floors))


@router.put("/tenant", response_model=LabelsView, responses=CHANGE, dependencies=[NoQuery])
async def set_tenant_sensitivity(body: SensitivityChange, edge: EdgeDep, caller: PoliciesWrite) -> Response:
    """Let all that the tenant's runs read count as this sensitive at least, from the next call of every run on."""
    change = ChangeSensitivity(edge.store, caller.tenant_id, caller.actor)
    return json_answer(LabelsView.of(await change.of_tenant(Raise(body.sensitivity, body.reason))))


@router.put("/tools/{name}", response_model=LabelsView, responses=CHANGE, dependencies=[NoQuery])
async def set_tool_sensitivity(
    name: ToolName, body: SensitivityChange, edge: EdgeDep, caller: PoliciesWrite
) -> Response:
    """Let what a tool gives back count as this sensitive at least, from its next result on."""
    change = ChangeSensitivity(edge.store, caller.tenant_id, caller.actor)
    return json_answer(LabelsView.of(await change.of_tool(name, Raise(body.sensitivity, body.reason))))


@memories.put("/{memory_id}/sensitivity", response_model=MemoryView, responses=CHANGE, dependencies=[NoQuery])
async def set_memory_sensitivity(
    memory_id: UUID, body: SensitivityChange, edge: EdgeDep, caller: PoliciesWrite
) -> Response:
    """Let a memory count as this sensitive at least, for every run that recalls it from now on."""
    change = ChangeSensitivity(edge.store, caller.tenant_id, caller.actor)
    raised = await change.of_memory(MemoryId(memory_id), Raise(body.sensitivity, body.reason))
    return json_answer(MemoryView.model_validate(raised))
