"""What people do to evolved tools: enable, disable, roll back, check, export, import; and what comes in by itself."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from hortus_server.api.answers import created, json_answer
from hortus_server.api.deps import (
    EdgeDep,
    Idempotent,
    NoQuery,
    PoliciesWrite,
    ToolKey,
    ToolsRead,
    ToolsWrite,
    VersionNumber,
)
from hortus_server.api.responses import CHANGE, READ
from hortus_server.api.schemas.library import ToolDisable, ToolVersionView, ToolView
from hortus_server.api.schemas.tools import (
    ImportedToolView,
    ToolActivation,
    ToolActivationView,
    ToolBundleBody,
    ToolBundleView,
    ToolChange,
)
from hortus_server.domain.errors import NotFoundError
from hortus_server.domain.tool_bundles import FORMAT, ToolBundle, bundle_of
from hortus_server.services.import_tool import ImportedTool

changes = APIRouter(prefix="/v1/tools", tags=["tools"])
activation = APIRouter(prefix="/v1/tool-activation", tags=["tools"])


@changes.post("/import", status_code=201, response_model=ImportedToolView, responses=CHANGE, dependencies=[NoQuery])
async def import_tool(body: ToolBundleBody, edge: EdgeDep, caller: ToolsWrite, idempotent: Idempotent) -> Response:
    """Take a tool from a file: its hashes are verified, it is scanned and tested here, and waits for a person."""
    manifest = body.manifest
    bundle = ToolBundle(
        name=manifest.name,
        description=manifest.description,
        function=manifest.function,
        parameters=manifest.parameters,
        returns=manifest.returns,
        permissions=manifest.permissions,
        source=body.source,
        tests=[test.model_dump() for test in body.tests],
        provenance=body.provenance,
    )
    once = idempotent.once(_imported_json)
    hashes = body.sha256.model_dump()
    return created(await edge.import_tool(caller.actor, caller.tenant_id, bundle, hashes=hashes, once=once))


@changes.get("/{tool}/versions/{version}/bundle", response_model=ToolBundleView, responses=READ, dependencies=[NoQuery])
async def export_tool(tool: ToolKey, version: VersionNumber, edge: EdgeDep, caller: ToolsRead) -> Response:
    """One version as a file, with the hash of each part."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        found = await uow.tools.get(caller.tenant_id, tool)
        versions = await uow.tools.list_versions(caller.tenant_id, found.id)
    record = next((one for one in versions if one.version == version), None)
    if record is None:
        raise NotFoundError("tool version", version)
    bundle = bundle_of(found, record)
    view = ToolBundleView(
        format=FORMAT,
        manifest=bundle.manifest,
        source=bundle.source,
        tests=tuple(bundle.tests),
        sha256=bundle.hashes,
        provenance=bundle.provenance,
    )
    return json_answer(view)


@changes.post("/{tool}/enable", response_model=ToolView, responses=CHANGE, dependencies=[NoQuery])
async def enable_tool(tool: ToolKey, body: ToolChange, edge: EdgeDep, caller: ToolsWrite) -> Response:
    """Put a version to use in every session; 409 unless it passed its tests, the scan and the negative tests."""
    record = await edge.change_tool.enable(
        caller.actor, caller.tenant_id, key=tool, version=body.version, reason=body.reason
    )
    return json_answer(ToolView.model_validate(record))


@changes.post("/{tool}/disable", response_model=ToolView, responses=CHANGE, dependencies=[NoQuery])
async def disable_tool_route(tool: ToolKey, body: ToolDisable, edge: EdgeDep, caller: ToolsWrite) -> Response:
    """Take the active version out of use in every session: the next call of it is refused, in runs under way too."""
    record = await edge.change_tool.disable(caller.actor, caller.tenant_id, key=tool, reason=body.reason)
    return json_answer(ToolView.model_validate(record))


@changes.post("/{tool}/rollback", response_model=ToolView, responses=CHANGE, dependencies=[NoQuery])
async def roll_back_tool(tool: ToolKey, body: ToolChange, edge: EdgeDep, caller: ToolsWrite) -> Response:
    """Back to an earlier version, everywhere at once; without a number to the one that was active before."""
    record = await edge.change_tool.roll_back(
        caller.actor, caller.tenant_id, key=tool, version=body.version, reason=body.reason
    )
    return json_answer(ToolView.model_validate(record))


@changes.post(
    "/{tool}/versions/{version}/check",
    status_code=202,
    response_model=ToolVersionView,
    responses=CHANGE,
    dependencies=[NoQuery],
)
async def check_tool_version(tool: ToolKey, version: VersionNumber, edge: EdgeDep, caller: ToolsWrite) -> Response:
    """Have a worker scan and test a version again; what fails is taken out of use."""
    record = await edge.change_tool.check(caller.actor, caller.tenant_id, key=tool, version=version)
    return json_answer(ToolVersionView.model_validate(record), status=202)


@activation.get("", response_model=ToolActivationView, responses=READ, dependencies=[NoQuery])
async def read_tool_activation(edge: EdgeDep, caller: ToolsRead) -> Response:
    """Whether pure tools that passed every gate become active without a person."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        activate_pure = await uow.tools.activates_pure(caller.tenant_id)
    return json_answer(ToolActivationView(activate_pure=activate_pure))


@activation.put("", response_model=ToolActivationView, responses=CHANGE, dependencies=[NoQuery])
async def change_tool_activation(body: ToolActivation, edge: EdgeDep, caller: PoliciesWrite) -> Response:
    """Let pure tools in by themselves, or have each wait for a person; what declares more always waits."""
    await edge.change_tool.let_in_by_themselves(caller.actor, caller.tenant_id, activate_pure=body.activate_pure)
    return json_answer(ToolActivationView(activate_pure=body.activate_pure))


def _imported_json(made: ImportedTool) -> Mapping[str, Any]:
    return ImportedToolView.model_validate(made).model_dump(mode="json")
