"""Approvals: the inbox of what runs ask of people, and its decisions."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from hortus_agents.events import ApprovalKind, ApprovalOutcome
from hortus_server.api.answers import json_answer
from hortus_server.api.deps import ApprovalsDecide, ApprovalsRead, EdgeDep, NoQuery, PageQuery, RunsWrite
from hortus_server.api.responses import CHANGE, LIST, READ
from hortus_server.api.schemas.approvals import ApprovalDecide, ApprovalPage, ApprovalView, RunAnswer
from hortus_server.api.schemas.wire import page_json
from hortus_server.domain.approvals import ApprovalFilter
from hortus_server.domain.ids import AgentId, ApprovalId, RunId, SessionId

router = APIRouter(prefix="/v1/approvals", tags=["approvals"])
runs = APIRouter(prefix="/v1/runs", tags=["runs"])


class ApprovalQuery(PageQuery):
    """Which approvals."""

    status: ApprovalOutcome | None = None
    kind: ApprovalKind | None = None
    run_id: UUID | None = None
    session_id: UUID | None = None
    agent_id: UUID | None = None

    @property
    def which(self) -> ApprovalFilter:
        """What the repository takes."""
        return ApprovalFilter(
            status=self.status,
            kind=self.kind,
            run_id=RunId(self.run_id) if self.run_id else None,
            session_id=SessionId(self.session_id) if self.session_id else None,
            agent_id=AgentId(self.agent_id) if self.agent_id else None,
        )


@router.get("", response_model=ApprovalPage, responses=LIST)
async def list_approvals(edge: EdgeDep, caller: ApprovalsRead, query: Annotated[ApprovalQuery, Query()]) -> Response:
    """What runs ask of people, newest first; with `status=pending` the inbox."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        page = await uow.approvals.list(caller.tenant_id, query.page, which=query.which)
    return json_answer(page_json(page, ApprovalView.model_validate))


@router.get("/{approval_id}", response_model=ApprovalView, responses=READ, dependencies=[NoQuery])
async def get_approval(approval_id: UUID, edge: EdgeDep, caller: ApprovalsRead) -> Response:
    """One of them, with the decisions so far."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        approval = await uow.approvals.get(caller.tenant_id, ApprovalId(approval_id))
    return json_answer(ApprovalView.model_validate(approval))


@router.post("/{approval_id}/decide", response_model=ApprovalView, responses=CHANGE, dependencies=[NoQuery])
async def decide_approval(approval_id: UUID, body: ApprovalDecide, edge: EdgeDep, caller: ApprovalsDecide) -> Response:
    """Decide, once for each person; the run goes on by itself. `pending` in the answer: it needs another person too."""
    decided = await edge.decide_approval(
        caller.tenant_id,
        ApprovalId(approval_id),
        ruling=body.ruling,
        decider=caller.decider,
    )
    return json_answer(ApprovalView.model_validate(decided))


@runs.post("/{run_id}/answer", response_model=ApprovalView, responses=CHANGE, dependencies=[NoQuery])
async def answer_run(run_id: UUID, body: RunAnswer, edge: EdgeDep, caller: RunsWrite) -> Response:
    """Answer the question that a run waits for; 409 when it waits for none."""
    answered = await edge.decide_approval.answer_run(
        caller.tenant_id, RunId(run_id), ruling=body.ruling, decider=caller.decider
    )
    return json_answer(ApprovalView.model_validate(answered))
