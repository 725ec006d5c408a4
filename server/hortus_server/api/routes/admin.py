"""Administration: workers, the overview."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from hortus_server.api.answers import json_answer
from hortus_server.api.deps import Admin, EdgeDep, NoQuery
from hortus_server.api.edge import Edge
from hortus_server.api.responses import LIST, READ
from hortus_server.api.schemas.admin import (
    OverviewView,
    ReadinessView,
    WorkersView,
    WorkerView,
)
from hortus_server.domain.audit import NewAuditEntry
from hortus_server.domain.errors import UnavailableError
from hortus_server.ports.workers import WorkerControl
from hortus_server.services.record_audit import record_audit

router = APIRouter(prefix="/v1/admin", tags=["admin"])
WorkerName = Annotated[str, Path(min_length=1, max_length=300, pattern=r"^[\w@.:%+-]+$")]


@router.get("/workers", response_model=WorkersView, responses=LIST, dependencies=[NoQuery])
async def list_workers(edge: EdgeDep, _caller: Admin) -> Response:
    """Workers that answer right now; 503 while the broker is down."""
    found = await _workers(edge).list()
    return json_answer(WorkersView(items=tuple(WorkerView.model_validate(one) for one in found)))


@router.post("/workers/{worker}/drain", response_model=WorkerView, responses=READ, dependencies=[NoQuery])
async def drain_worker(worker: WorkerName, edge: EdgeDep, caller: Admin) -> Response:
    """Let a worker finish what it runs and take nothing new."""
    caller.demand_operation()
    view = WorkerView.model_validate(await _workers(edge).drain(worker))
    await record_audit(edge.store, NewAuditEntry(caller.tenant_id, caller.actor, "worker.drained", f"worker:{worker}"))
    return json_answer(view)


@router.post("/workers/{worker}/resume", response_model=WorkerView, responses=READ, dependencies=[NoQuery])
async def resume_worker(worker: WorkerName, edge: EdgeDep, caller: Admin) -> Response:
    """Let a drained worker take runs again."""
    caller.demand_operation()
    view = WorkerView.model_validate(await _workers(edge).resume(worker))
    await record_audit(edge.store, NewAuditEntry(caller.tenant_id, caller.actor, "worker.resumed", f"worker:{worker}"))
    return json_answer(view)


@router.get("/overview", response_model=OverviewView, responses=LIST, dependencies=[NoQuery])
async def get_overview(edge: EdgeDep, caller: Admin) -> Response:
    """Counts and health for the first page of the admin UI."""
    overview = await edge.read_overview(caller.tenant_id)
    counts = overview.statistics
    return json_answer(
        OverviewView(
            runs_by_status=dict(counts.runs_by_status),
            queue_depth=counts.runs_by_status.get("queued", 0),
            tokens_last_hour=counts.tokens,
            cost_micros_last_hour=counts.cost_micros,
            recovered_last_hour=counts.reclaimed,
            agents=counts.agents,
            sessions=counts.sessions,
            tools_active=counts.tools_active,
            memories=counts.memories,
            readiness=ReadinessView.model_validate(overview.readiness),
        )
    )


def _workers(edge: Edge) -> WorkerControl:
    if edge.workers is None:
        raise UnavailableError("workers", "this process has no control over workers")
    return edge.workers
