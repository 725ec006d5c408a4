"""Runs: one execution of an agent in a session."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from hortus_server.api.answers import created, json_answer
from hortus_server.api.deps import EdgeDep, EventPlace, Idempotent, NoQuery, PageQuery, RunsRead, RunsWrite, Words
from hortus_server.api.event_json import event_list
from hortus_server.api.responses import CHANGE, LIST, READ, SUBMIT
from hortus_server.api.schemas.events import EventsView
from hortus_server.api.schemas.runs import (
    RunCancel,
    RunCreate,
    RunDetailView,
    RunPage,
    RunView,
    SteerCreate,
    SteeredView,
    StepsView,
    StepView,
    run_detail,
    run_json,
)
from hortus_server.api.schemas.wire import agent_of, page_json
from hortus_server.domain.ids import AgentId, RunId, SessionId
from hortus_server.domain.records import RunStatus
from hortus_server.services.read_events import read_run_events
from hortus_server.services.steer_run import steered_json
from hortus_server.services.submit_run import RunRequest

router = APIRouter(prefix="/v1/runs", tags=["runs"])
LONGEST_WAIT_S = 60.0


class RunQuery(PageQuery):
    """Which runs."""

    session_id: UUID | None = None
    agent_id: UUID | None = None
    status: RunStatus | None = None
    q: Words = ""


class WaitQuery(BaseModel):
    """How long."""

    model_config = ConfigDict(extra="forbid")

    timeout_s: float = Field(default=30.0, ge=0, le=LONGEST_WAIT_S, allow_inf_nan=False)


@router.post("", status_code=202, response_model=RunView, responses=SUBMIT, dependencies=[NoQuery])
async def create_run(body: RunCreate, edge: EdgeDep, caller: RunsWrite, idempotent: Idempotent) -> Response:
    """Submit a task. 202 means committed: the run survives any crash. Without `session_id` it gets its own session."""
    request = RunRequest(
        content=body.input,
        label=body.foreign.label() if body.foreign else None,
        agent=agent_of(body.agent) if body.agent else None,
        session_id=SessionId(body.session_id) if body.session_id else None,
        limits=body.limits.model_dump(exclude_none=True),
        priority=body.priority,
        message_policy=body.message_policy,
    )
    once = idempotent.once(run_json, status=202)
    answer = await edge.submit_run(caller.tenant_id, request=request, once=once)
    if not answer.replayed:
        edge.metrics.runs_submitted.inc()
    return created(answer)


@router.get("", response_model=RunPage, responses=LIST)
async def list_runs(edge: EdgeDep, caller: RunsRead, query: Annotated[RunQuery, Query()]) -> Response:
    """Runs, newest first; `q` finds those whose id, session's title, output or error holds each of its words."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        page = await uow.runs.list(
            caller.tenant_id,
            query.page,
            session_id=SessionId(query.session_id) if query.session_id else None,
            agent_id=AgentId(query.agent_id) if query.agent_id else None,
            status=query.status,
            words=query.q.strip(),
        )
    return json_answer(page_json(page, RunView.model_validate))


@router.get("/{run_id}", response_model=RunDetailView, responses=READ, dependencies=[NoQuery])
async def get_run(run_id: UUID, edge: EdgeDep, caller: RunsRead) -> Response:
    """One run as it stands, with what it has used and what is left."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        run = await uow.runs.get(caller.tenant_id, RunId(run_id))
        spending = await uow.budgets.run_spending(run)
        held = run.limits
        if run.finished_at is None:
            held = (await uow.budgets.allowance(run.tenant_id, run.session_id, run_id=run.id)).hold(held)
    return json_answer(run_detail(run, spending, held))


@router.get("/{run_id}/wait", response_model=RunView, responses=READ)
async def wait_for_run(run_id: UUID, edge: EdgeDep, caller: RunsRead, query: Annotated[WaitQuery, Query()]) -> Response:
    """Wait until the run has ended, at most `timeout_s`; then the run as it stands, ended or not."""
    run = await edge.wait_run(caller.tenant_id, RunId(run_id), timeout_s=query.timeout_s)
    return json_answer(RunView.model_validate(run))


@router.post("/{run_id}/cancel", response_model=RunView, responses=CHANGE, dependencies=[NoQuery])
async def cancel_run(
    run_id: UUID, edge: EdgeDep, caller: RunsWrite, body: Annotated[RunCancel | None, Body()] = None
) -> Response:
    """Stop a run. A queued one ends at once, a running one within moments; an ended one stays as it is."""
    reason = (body or RunCancel()).reason
    run = await edge.cancel_run(caller.tenant_id, RunId(run_id), reason=reason, actor=caller.actor)
    return json_answer(RunView.model_validate(run))


@router.post("/{run_id}/steer", status_code=202, response_model=SteeredView, responses=SUBMIT, dependencies=[NoQuery])
async def steer_run(
    run_id: UUID, body: SteerCreate, edge: EdgeDep, caller: RunsWrite, idempotent: Idempotent
) -> Response:
    """Tell a run something while it works: its next model call sees it. 409 `run_ended` once it has ended.

    202 means committed: a run that was about to answer does one more step instead of ending without having seen it.
    """
    once = idempotent.once(steered_json, status=202)
    label = body.foreign.label() if body.foreign else None
    answer = await edge.steer_run(caller.tenant_id, RunId(run_id), content=body.content, label=label, once=once)
    return created(answer)


@router.get("/{run_id}/steps", response_model=StepsView, responses=READ, dependencies=[NoQuery])
async def list_run_steps(run_id: UUID, edge: EdgeDep, caller: RunsRead) -> Response:
    """The run's steps, in order."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        steps = await uow.runs.steps(caller.tenant_id, RunId(run_id))
    return json_answer(StepsView(items=tuple(StepView.model_validate(step) for step in steps)))


@router.get("/{run_id}/events", response_model=EventsView, responses=READ)
async def list_run_events(run_id: UUID, edge: EdgeDep, caller: RunsRead, query: EventPlace) -> Response:
    """The run's events above `after`, under their numbers in the session's log."""
    part = await read_run_events(edge.store, caller.tenant_id, RunId(run_id), after=query.after, limit=query.limit)
    return event_list(part)
