"""Schedules: tasks that are submitted at due times."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from hortus_server.api.answers import created, json_answer
from hortus_server.api.deps import EdgeDep, Idempotent, NoQuery, Paging, SchedulesRead, SchedulesWrite
from hortus_server.api.responses import CHANGE, LIST, READ
from hortus_server.api.schemas.schedules import (
    DueTimesView,
    FiringPage,
    FiringView,
    ScheduleCreate,
    SchedulePage,
    SchedulePatch,
    ScheduleView,
    TimingPreview,
    schedule_json,
)
from hortus_server.api.schemas.wire import agent_of, page_json
from hortus_server.domain.audit import NewAuditEntry
from hortus_server.domain.ids import ScheduleId, SessionId
from hortus_server.domain.schedules import next_due_times
from hortus_server.services.create_schedule import ScheduleDraft

router = APIRouter(prefix="/v1/schedules", tags=["schedules"])


class DueQuery(BaseModel):
    """How many."""

    model_config = ConfigDict(extra="forbid")

    count: int = Field(default=5, ge=1, le=100)


@router.post("", status_code=201, response_model=ScheduleView, responses=CHANGE, dependencies=[NoQuery])
async def create_schedule(
    body: ScheduleCreate, edge: EdgeDep, caller: SchedulesWrite, idempotent: Idempotent
) -> Response:
    """Submit a task at due times: by cron expression in a time zone, at an interval, or once.

    Each due time fires once, however many processes look. A cron expression that never fires is refused.
    """
    draft = ScheduleDraft(
        name=body.name,
        timing=body.timing,
        agent=agent_of(body.agent),
        agent_version=body.agent_version,
        session_id=SessionId(body.session_id) if body.session_id else None,
        input=body.input,
        limits=body.limits.model_dump(exclude_none=True),
        catch_up=body.catch_up,
        catch_up_limit=body.catch_up_limit,
        overlap=body.overlap,
    )
    once = idempotent.once(schedule_json)
    return created(await edge.create_schedule(caller.tenant_id, draft=draft, once=once, actor=caller.actor))


@router.post("/preview", response_model=DueTimesView, responses=CHANGE, dependencies=[NoQuery])
async def preview_timing(body: TimingPreview, edge: EdgeDep, _caller: SchedulesRead) -> Response:
    """When a timing would be due from now on; nothing is stored. A cron expression that never fires is refused."""
    due = next_due_times(body.timing, edge.change_schedule.now(), body.count)
    return json_answer(DueTimesView(items=due))


@router.get("", response_model=SchedulePage, responses=LIST)
async def list_schedules(edge: EdgeDep, caller: SchedulesRead, query: Paging) -> Response:
    """Schedules, newest first."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        page = await uow.schedules.list(caller.tenant_id, query.page)
    return json_answer(page_json(page, ScheduleView.model_validate))


@router.get("/{schedule_id}", response_model=ScheduleView, responses=READ, dependencies=[NoQuery])
async def get_schedule(schedule_id: UUID, edge: EdgeDep, caller: SchedulesRead) -> Response:
    """One schedule, with its next due time."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        schedule = await uow.schedules.get(caller.tenant_id, ScheduleId(schedule_id))
    return json_answer(ScheduleView.model_validate(schedule))


@router.patch("/{schedule_id}", response_model=ScheduleView, responses=CHANGE, dependencies=[NoQuery])
async def change_schedule(schedule_id: UUID, body: SchedulePatch, edge: EdgeDep, caller: SchedulesWrite) -> Response:
    """Change what is given; the next due time sees it."""
    schedule = await edge.change_schedule(
        caller.tenant_id, ScheduleId(schedule_id), changes=body.changes(), actor=caller.actor
    )
    return json_answer(ScheduleView.model_validate(schedule))


@router.delete("/{schedule_id}", status_code=204, responses=CHANGE, dependencies=[NoQuery])
async def delete_schedule(schedule_id: UUID, edge: EdgeDep, caller: SchedulesWrite) -> Response:
    """Delete it with the list of its firings; runs that it submitted stay."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        await uow.schedules.delete(caller.tenant_id, ScheduleId(schedule_id))
        entry = NewAuditEntry(caller.tenant_id, caller.actor, "schedule.deleted", f"schedule:{schedule_id}")
        await uow.audit.append(entry)
    return Response(status_code=204)


@router.post("/{schedule_id}/pause", response_model=ScheduleView, responses=CHANGE, dependencies=[NoQuery])
async def pause_schedule(schedule_id: UUID, edge: EdgeDep, caller: SchedulesWrite) -> Response:
    """Fire no more until it is resumed; runs under way go on."""
    schedule = await edge.change_schedule.pause(caller.tenant_id, ScheduleId(schedule_id), actor=caller.actor)
    return json_answer(ScheduleView.model_validate(schedule))


@router.post("/{schedule_id}/resume", response_model=ScheduleView, responses=CHANGE, dependencies=[NoQuery])
async def resume_schedule(schedule_id: UUID, edge: EdgeDep, caller: SchedulesWrite) -> Response:
    """Fire again from the next due time on; those that passed in the pause are not caught up with."""
    schedule = await edge.change_schedule.resume(caller.tenant_id, ScheduleId(schedule_id), actor=caller.actor)
    return json_answer(ScheduleView.model_validate(schedule))


@router.get("/{schedule_id}/next", response_model=DueTimesView, responses=READ)
async def list_due_times(
    schedule_id: UUID, edge: EdgeDep, caller: SchedulesRead, query: Annotated[DueQuery, Query()]
) -> Response:
    """Its next due times; of a paused schedule those that it would have if it were resumed now."""
    due = await edge.change_schedule.next_due(caller.tenant_id, ScheduleId(schedule_id), count=query.count)
    return json_answer(DueTimesView(items=due))


@router.get("/{schedule_id}/firings", response_model=FiringPage, responses=READ)
async def list_firings(schedule_id: UUID, edge: EdgeDep, caller: SchedulesRead, query: Paging) -> Response:
    """What became of its due times, the latest first, with the runs."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        schedule = await uow.schedules.get(caller.tenant_id, ScheduleId(schedule_id))
        page = await uow.schedules.firings(caller.tenant_id, schedule.id, query.page)
    return json_answer(page_json(page, FiringView.model_validate))
