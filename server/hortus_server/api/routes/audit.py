"""The audit log: who did what, whether the log is whole, and all of it as lines of JSON."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated

import orjson
from fastapi import APIRouter, Body, Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from hortus_server.api.answers import json_answer
from hortus_server.api.deps import AuditRead, EdgeDep, NoQuery, PageQuery
from hortus_server.api.edge import Edge
from hortus_server.api.responses import CHANGE, LIST
from hortus_server.api.schemas.audit import AuditEntryView, AuditPage, AuditReportView, AuditVerify, entry_json
from hortus_server.api.schemas.wire import page_json
from hortus_server.domain.audit import AuditFilter
from hortus_server.domain.ids import TenantId
from hortus_server.services.verify_audit import read_audit, verify_audit

router = APIRouter(prefix="/v1/audit", tags=["audit"])
NDJSON = "application/x-ndjson"
LINES = 100


def _utc(moment: datetime) -> datetime:
    """The same moment; PostgreSQL takes no offset beyond 16 hours, and an export must fail before it begins."""
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("out of range") from error


Moment = Annotated[AwareDatetime, AfterValidator(_utc)]


class AuditWhich(BaseModel):
    """Which entries."""

    model_config = ConfigDict(extra="forbid")

    actor: str | None = Field(default=None, min_length=1, max_length=200, description="id, or the name of then")
    action: str | None = Field(
        default=None, pattern=r"^[a-z_]+(\.[a-z_]+)*(\.\*)?$", max_length=100, description="`run.cancelled`, or `run.*`"
    )
    subject: str | None = Field(default=None, min_length=1, max_length=300, description="`kind:id`")
    since: Moment | None = Field(default=None, description="not before")
    until: Moment | None = Field(default=None, description="before")

    @property
    def which(self) -> AuditFilter:
        """What the log takes."""
        return AuditFilter(self.actor, self.action, self.subject, self.since, self.until)


class AuditQuery(AuditWhich, PageQuery):
    """Which entries of the log, by pages."""


@router.get("", response_model=AuditPage, responses=LIST)
async def list_audit(edge: EdgeDep, caller: AuditRead, query: Annotated[AuditQuery, Query()]) -> Response:
    """Entries of the tenant's audit log, newest first."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        page = await uow.audit.list(caller.tenant_id, query.page, which=query.which)
    return json_answer(page_json(page, AuditEntryView.model_validate))


@router.get(
    "/export",
    response_class=Response,
    responses={**LIST, 200: {"description": "a line of JSON for each entry, oldest first", "content": {NDJSON: {}}}},
)
async def export_audit(edge: EdgeDep, caller: AuditRead, query: Annotated[AuditWhich, Query()]) -> Response:
    """The log as lines of JSON, oldest first; `hortus audit verify --file` checks an export of all of it."""
    lines = _lines(edge, caller.tenant_id, query.which)
    disposition = {"Content-Disposition": 'attachment; filename="hortus-audit.jsonl"', "Cache-Control": "no-store"}
    return StreamingResponse(lines, media_type=NDJSON, headers=disposition)


@router.post("/verify", response_model=AuditReportView, responses=CHANGE, dependencies=[NoQuery])
async def verify_audit_route(
    edge: EdgeDep, caller: AuditRead, body: Annotated[AuditVerify | None, Body()] = None
) -> Response:
    """Read the whole log and say which entries were edited, moved, removed or cut off, if any."""
    anchors = {anchor.seq: anchor.hash for anchor in (body or AuditVerify()).anchors}
    report = await verify_audit(edge.store, caller.tenant_id, anchors=anchors)
    return json_answer(AuditReportView.model_validate(report))


async def _lines(edge: Edge, tenant_id: TenantId, which: AuditFilter) -> AsyncIterator[bytes]:
    gathered: list[bytes] = []
    async for entry in read_audit(edge.store, tenant_id, which=which):
        gathered.append(orjson.dumps(entry_json(entry)))
        if len(gathered) == LINES:
            yield b"\n".join(gathered) + b"\n"
            gathered.clear()
    if gathered:
        yield b"\n".join(gathered) + b"\n"
