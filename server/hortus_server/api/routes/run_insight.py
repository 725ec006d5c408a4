"""What runs did and why they do not get on."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from hortus_server.api.answers import json_answer
from hortus_server.api.deps import LARGEST_SEQ, EdgeDep, NoQuery, Paging, RunsRead, RunsWrite
from hortus_server.api.responses import CHANGE, LIST, READ
from hortus_server.api.schemas.runs import RunView
from hortus_server.api.schemas.stuck import RunRequeue, StuckRunsView, stuck_page
from hortus_server.api.schemas.trace import CallRequestView, TraceView, trace_view
from hortus_server.domain.ids import RunId
from hortus_server.services.read_request import read_request
from hortus_server.services.read_trace import read_trace

router = APIRouter(prefix="/v1/runs", tags=["runs"])


class TraceQuery(BaseModel):
    """Which part of a trace."""

    model_config = ConfigDict(extra="forbid")

    after: int = Field(default=0, ge=0, le=LARGEST_SEQ, description="a `next_after`")
    limit: int = Field(default=1000, ge=1, le=5000, description="events behind one part")


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
    run = await edge.requeue_run(caller.tenant_id, RunId(run_id), force=force, actor=caller.actor)
    return json_answer(RunView.model_validate(run))


@router.get("/{run_id}/trace", response_model=TraceView, responses=READ)
async def get_run_trace(
    run_id: UUID, edge: EdgeDep, caller: RunsRead, query: Annotated[TraceQuery, Query()]
) -> Response:
    """What the run did, as a tree: steps, model and tool calls, evolution's calls, waits, approvals, takeovers.

    With timings, tokens, cost, versions and memory hits. A long run comes in parts, cut between steps.
    """
    trace = await read_trace(edge.store, caller.tenant_id, RunId(run_id), after=query.after, limit=query.limit)
    return json_answer(trace_view(trace))


@router.get("/{run_id}/requests/{seq}", response_model=CallRequestView, responses=READ, dependencies=[NoQuery])
async def get_call_request(
    run_id: UUID, seq: Annotated[int, Path(ge=1, le=LARGEST_SEQ)], edge: EdgeDep, caller: RunsRead
) -> Response:
    """What a model call was asked: the request of the `model.called` event with this number, built again from the log.

    `exact` says that its digest is the one that was noted when the call was made. 409 for the strategy `plan_execute`.
    """
    found = await read_request(edge.store, caller.tenant_id, RunId(run_id), seq=seq)
    return json_answer(
        CallRequestView(
            exact=found.rebuilt.exact,
            sha256=found.rebuilt.sha256,
            sent_sha256=found.sent_sha256,
            request=found.rebuilt.request.model_dump(mode="json", exclude={"metadata", "continue_text"}),
        )
    )
