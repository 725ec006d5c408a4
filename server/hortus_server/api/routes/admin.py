"""Administration: keys, workers, the overview."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from starlette.responses import Response

from hortus_server.api.answers import json_answer
from hortus_server.api.deps import Admin, EdgeDep, Idempotent, NoQuery
from hortus_server.api.edge import Edge
from hortus_server.api.responses import CHANGE, LIST, READ
from hortus_server.api.schemas.admin import (
    IssuedKeyView,
    KeyCreate,
    KeysView,
    KeyView,
    OverviewView,
    ReadinessView,
    WorkersView,
    WorkerView,
    key_json,
)
from hortus_server.domain.errors import UnavailableError
from hortus_server.domain.ids import KeyId
from hortus_server.ports.workers import WorkerControl
from hortus_server.services.issue_key import KeyDraft
from hortus_server.services.revoke_key import revoke_key

router = APIRouter(prefix="/v1/admin", tags=["admin"])
WorkerName = Annotated[str, Path(min_length=1, max_length=300, pattern=r"^[\w@.:%+-]+$")]


@router.post("/keys", status_code=201, response_model=IssuedKeyView, responses=CHANGE, dependencies=[NoQuery])
async def create_key(body: KeyCreate, edge: EdgeDep, caller: Admin, idempotent: Idempotent) -> Response:
    """Issue a key. Its secret is in this answer and nowhere else, not even in an idempotent repetition."""
    once = idempotent.once(key_json)
    draft = KeyDraft(body.name, body.scopes, body.expires_at)
    answer, secret = await edge.issue_key(caller.tenant_id, draft=draft, once=once)
    response = json_answer({**answer.body, "secret": secret}, status=answer.status)
    response.headers["Cache-Control"] = "no-store"
    if answer.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response


@router.get("/keys", response_model=KeysView, responses=LIST, dependencies=[NoQuery])
async def list_keys(edge: EdgeDep, caller: Admin) -> Response:
    """All keys of the tenant, revoked ones included."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        keys = await uow.tenants.list_keys(caller.tenant_id)
    return json_answer(KeysView(items=tuple(KeyView.model_validate(key) for key in keys)))


@router.delete("/keys/{key_id}", response_model=KeyView, responses=CHANGE, dependencies=[NoQuery])
async def revoke_key_route(key_id: UUID, edge: EdgeDep, caller: Admin) -> Response:
    """Revoke a key; other processes notice within five seconds, open streams at their next heartbeat."""
    key = await revoke_key(edge.store, edge.authenticate, caller.tenant_id, key_id=KeyId(key_id))
    return json_answer(KeyView.model_validate(key))


@router.get("/workers", response_model=WorkersView, responses=LIST, dependencies=[NoQuery])
async def list_workers(edge: EdgeDep, _caller: Admin) -> Response:
    """Workers that answer right now; 503 while the broker is down."""
    found = await _workers(edge).list()
    return json_answer(WorkersView(items=tuple(WorkerView.model_validate(one) for one in found)))


@router.post("/workers/{worker}/drain", response_model=WorkerView, responses=READ, dependencies=[NoQuery])
async def drain_worker(worker: WorkerName, edge: EdgeDep, _caller: Admin) -> Response:
    """Let a worker finish what it runs and take nothing new."""
    return json_answer(WorkerView.model_validate(await _workers(edge).drain(worker)))


@router.post("/workers/{worker}/resume", response_model=WorkerView, responses=READ, dependencies=[NoQuery])
async def resume_worker(worker: WorkerName, edge: EdgeDep, _caller: Admin) -> Response:
    """Let a drained worker take runs again."""
    return json_answer(WorkerView.model_validate(await _workers(edge).resume(worker)))


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
