"""What runs did and why they do not get on."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body
from starlette.responses import Response

from hortus_server.api.answers import json_answer
from hortus_server.api.deps import EdgeDep, NoQuery, Paging, RunsRead, RunsWrite
from hortus_server.api.responses import CHANGE, LIST
from hortus_server.api.schemas.runs import RunView
from hortus_server.api.schemas.stuck import RunRequeue, StuckRunsView, stuck_page
from hortus_server.domain.ids import RunId

router = APIRouter(prefix="/v1/runs", tags=["runs"])


@router.get("/stuck", response_model=StuckRunsView, responses=LIST)
async def list_stuck_runs(edge: EdgeDep, caller: RunsRead, query: Paging) -> Response:
    """Runs that have been silent for too long, oldest first, and what the system sees of why."""
    return json_answer(stuck_page(await edge.list_stuck(caller.tenant_id, query.page)))


@router.post("/{run_id}/requeue", response_model=RunView, responses=CHANGE, dependencies=[NoQuery])
async def requeue_run(
    run_id: UUID, edge: EdgeDep, caller: RunsWrite, body: Annotated[RunRequeue | None, Body()] = None
) -> Response:
    """Send a run's wake-up again, and end the lease of a worker that is gone; another goes on from the log."""
    force = (body or RunRequeue()).force
    run = await edge.requeue_run(caller.tenant_id, RunId(run_id), force=force)
    return json_answer(RunView.model_validate(run))
