"""Files that runs have made: what there is, and their bytes."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from hortus_server.api.answers import json_answer
from hortus_server.api.deps import LARGEST_SEQ, EdgeDep, NoQuery, RunsRead
from hortus_server.api.responses import READ
from hortus_server.api.schemas.files import RunFilesView, RunFileView
from hortus_server.domain.ids import RunId
from hortus_server.domain.run_files import RESULT_NAME
from hortus_server.services.read_file import read_file

router = APIRouter(prefix="/v1/runs", tags=["runs"])
OCTETS = "application/octet-stream"


class FilesQuery(BaseModel):
    """Which of a run's files."""

    model_config = ConfigDict(extra="forbid")

    after: int = Field(default=0, ge=0, le=LARGEST_SEQ, description="a `next_after`")
    limit: int = Field(default=100, ge=1, le=500, description="calls behind one part")


@router.get("/{run_id}/files", response_model=RunFilesView, responses=READ)
async def list_run_files(
    run_id: UUID, edge: EdgeDep, caller: RunsRead, query: Annotated[FilesQuery, Query()]
) -> Response:
    """What the run's calls have left: files that its code declared, and whole results that the model saw cut."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        run = await uow.runs.get(caller.tenant_id, RunId(run_id))
        files = await uow.artifacts.files(caller.tenant_id, run.id, after=query.after, calls=query.limit)
    calls = {file.seq for file in files}
    return json_answer(
        RunFilesView(
            items=tuple(RunFileView.model_validate(file) for file in files),
            next_after=max(calls) if len(calls) == query.limit else None,
        )
    )


@router.get(
    "/{run_id}/files/{seq}/{name}",
    response_class=Response,
    responses={
        **READ,
        200: {
            "description": "the bytes, to be saved; never shown as a page",
            "content": {OCTETS: {"schema": {"type": "string", "format": "binary"}}},
        },
    },
    dependencies=[NoQuery],
)
async def get_run_file(
    run_id: UUID,
    seq: Annotated[int, Path(ge=1, le=LARGEST_SEQ, description="number of the call's `tool.finished`")],
    name: Annotated[str, Path(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$")],
    edge: EdgeDep,
    caller: RunsRead,
) -> Response:
    """The bytes of one file, as an attachment."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        file = await uow.artifacts.file(caller.tenant_id, RunId(run_id), seq=seq, name=name)
    saved_as = f"result-{seq}.txt" if name == RESULT_NAME else name
    headers = {
        "Content-Disposition": f'attachment; filename="{saved_as}"',
        "Content-Length": str(file.size),
        "Cache-Control": "private, no-store",
    }
    return StreamingResponse(read_file(edge.store, caller.tenant_id, file), media_type=OCTETS, headers=headers)
