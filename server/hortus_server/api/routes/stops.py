"""Stops: pause and resume a run; cancel or pause all of an agent or tenant; freeze every side effect."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body
from starlette.responses import Response

from hortus_server.api.answers import json_answer
from hortus_server.api.auth import Caller
from hortus_server.api.deps import Admin, AgentKey, EdgeDep, NoQuery, RunsRead, RunsWrite, StopsWrite
from hortus_server.api.edge import Edge
from hortus_server.api.responses import CHANGE, LIST
from hortus_server.api.schemas.runs import RunView
from hortus_server.api.schemas.stops import (
    FreezeBody,
    FreezeView,
    LiftedStopsView,
    RunPause,
    RunResume,
    StopBody,
    StopInForceView,
    StopOrderView,
    StopsView,
    StopView,
)
from hortus_server.domain.ids import AgentId, RunId, TenantId
from hortus_server.domain.stops import Reach, StopOrder

runs = APIRouter(prefix="/v1/runs", tags=["runs"])
agents = APIRouter(prefix="/v1/agents", tags=["agents"])
admin = APIRouter(prefix="/v1/admin", tags=["admin"])
orders = APIRouter(prefix="/v1/stops", tags=["runs"])
SHOWN = 200


@orders.get("", response_model=StopsView, responses=LIST, dependencies=[NoQuery])
async def list_stops(edge: EdgeDep, caller: RunsRead) -> Response:
    """What stops the tenant's runs now: pauses of agents, of the tenant, and a freeze. At most the latest 200."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        found = await uow.stop_orders.over_tenant(caller.tenant_id, limit=SHOWN)
    return json_answer(StopsView(items=tuple(_in_force(order, caller.tenant_id) for order in found)))


@orders.get("/lifted", response_model=LiftedStopsView, responses=LIST, dependencies=[NoQuery])
async def list_lifted_stops(edge: EdgeDep, caller: RunsRead) -> Response:
    """What the tenant's people stopped and let go on again: who, why, from when to when. At most the latest 200."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        found = await uow.stop_orders.lifted(caller.tenant_id, limit=SHOWN)
    return json_answer(LiftedStopsView(items=tuple(StopOrderView.model_validate(order) for order in found)))


@runs.post("/{run_id}/pause", response_model=RunView, responses=CHANGE, dependencies=[NoQuery])
async def pause_run(
    run_id: UUID, edge: EdgeDep, caller: RunsWrite, body: Annotated[RunPause | None, Body()] = None
) -> Response:
    """Park a run: a model call under way is aborted, its text kept; it holds no worker until it is resumed."""
    run = await edge.pause_run(caller.tenant_id, RunId(run_id), reason=(body or RunPause()).reason, actor=caller.actor)
    return json_answer(RunView.model_validate(run))


@runs.post("/{run_id}/resume", response_model=RunView, responses=CHANGE, dependencies=[NoQuery])
async def resume_run(
    run_id: UUID, edge: EdgeDep, caller: RunsWrite, body: Annotated[RunResume | None, Body()] = None
) -> Response:
    """Let a paused or frozen run go on where it stopped; 409 while a stop over its agent or tenant is in force."""
    reason = (body or RunResume()).reason
    run = await edge.resume_run(
        caller.tenant_id, RunId(run_id), reason=reason, by=signature(caller), actor=caller.actor
    )
    return json_answer(RunView.model_validate(run))


@agents.post("/{agent}/stop", response_model=StopView, responses=CHANGE, dependencies=[NoQuery])
async def stop_agent(agent: AgentKey, body: StopBody, edge: EdgeDep, caller: RunsWrite) -> Response:
    """Cancel all of the agent's unfinished runs, or pause them and keep new ones queued until the stop is lifted."""
    return await _stop(edge, caller, body, agent_id=await _agent_id(edge, caller, agent))


@agents.delete("/{agent}/stop", response_model=StopView, responses=CHANGE, dependencies=[NoQuery])
async def lift_agent_stop(agent: AgentKey, edge: EdgeDep, caller: RunsWrite) -> Response:
    """Lift the agent's pause: the runs that it stopped go on, queued ones start."""
    reach = Reach.of_agent(await _agent_id(edge, caller, agent))
    order = await edge.stop_runs.lift(caller.tenant_id, reach, "pause", lifted_by=signature(caller), actor=caller.actor)
    return json_answer(StopView(order=StopOrderView.model_validate(order)))


@admin.post("/stop", response_model=StopView, responses=CHANGE, dependencies=[NoQuery])
async def stop_tenant(body: StopBody, edge: EdgeDep, caller: StopsWrite) -> Response:
    """Cancel all unfinished runs of the tenant, or pause them and keep new ones queued until the stop is lifted."""
    return await _stop(edge, caller, body, agent_id=None)


@admin.delete("/stop", response_model=StopView, responses=CHANGE, dependencies=[NoQuery])
async def lift_tenant_stop(edge: EdgeDep, caller: StopsWrite) -> Response:
    """Lift the tenant's pause: the runs that it stopped go on, queued ones start."""
    reach = Reach.of_tenant(caller.tenant_id)
    order = await edge.stop_runs.lift(caller.tenant_id, reach, "pause", lifted_by=signature(caller), actor=caller.actor)
    return json_answer(StopView(order=StopOrderView.model_validate(order)))


@admin.post("/freeze", response_model=FreezeView, responses=CHANGE, dependencies=[NoQuery])
async def freeze(body: FreezeBody, edge: EdgeDep, caller: StopsWrite) -> Response:
    """Freeze every side effect of this installation: no run starts, running ones park before their next effect."""
    caller.demand_operation("stops:write")
    order = await edge.stop_runs.place(
        caller.tenant_id, Reach.of_all(), "freeze", reason=body.reason, placed_by=signature(caller), actor=caller.actor
    )
    return json_answer(FreezeView(frozen=True, order=_shown(order, caller.tenant_id)))


@admin.delete("/freeze", response_model=FreezeView, responses=CHANGE, dependencies=[NoQuery])
async def unfreeze(edge: EdgeDep, caller: StopsWrite) -> Response:
    """Lift the freeze, by the tenant that placed it. Queued runs start; each parked one waits for its own resume."""
    caller.demand_operation("stops:write")
    order = await edge.stop_runs.lift(
        caller.tenant_id, Reach.of_all(), "freeze", lifted_by=signature(caller), actor=caller.actor
    )
    return json_answer(FreezeView(frozen=False, order=StopOrderView.model_validate(order)))


@admin.get("/freeze", response_model=FreezeView, responses=LIST, dependencies=[NoQuery])
async def get_freeze(edge: EdgeDep, caller: Admin) -> Response:
    """Whether side effects are frozen, since when and why."""
    orders = [
        order for order in await edge.stop_runs.in_force(caller.tenant_id, Reach.of_all()) if order.kind == "freeze"
    ]
    view = _shown(orders[0], caller.tenant_id) if orders else None
    return json_answer(FreezeView(frozen=bool(orders), order=view))


def signature(caller: Caller) -> str:
    """Who did it, for the record."""
    return caller.signature


def _in_force(order: StopOrder, tenant_id: TenantId) -> StopInForceView:
    return StopInForceView(**_shown(order, tenant_id).model_dump(), own=order.tenant_id == tenant_id)


def _shown(order: StopOrder, tenant_id: TenantId) -> StopOrderView:
    """An order over everything may be another tenant's, whose keys are nobody's business."""
    view = StopOrderView.model_validate(order)
    return view if order.tenant_id == tenant_id else view.model_copy(update={"placed_by": "another tenant"})


async def _agent_id(edge: Edge, caller: Caller, agent: AgentId | str) -> AgentId:
    async with edge.store.transaction(caller.tenant_id) as uow:
        return (await uow.agents.get(caller.tenant_id, agent)).id


async def _stop(edge: Edge, caller: Caller, body: StopBody, *, agent_id: AgentId | None) -> Response:
    if body.action == "cancel":
        count = await edge.stop_runs.cancel_all(
            caller.tenant_id, agent_id=agent_id, reason=body.reason, actor=caller.actor
        )
        return json_answer(StopView(cancelled=count))
    reach = Reach.of_tenant(caller.tenant_id) if agent_id is None else Reach.of_agent(agent_id)
    order = await edge.stop_runs.place(
        caller.tenant_id, reach, "pause", reason=body.reason, placed_by=signature(caller), actor=caller.actor
    )
    return json_answer(StopView(order=StopOrderView.model_validate(order)))
