"""A tenant's share of the workers and its limits."""

from dataclasses import asdict

from fastapi import APIRouter
from starlette.responses import Response

from hortus_server.api.answers import json_answer
from hortus_server.api.deps import Admin, EdgeDep, NoQuery
from hortus_server.api.responses import CHANGE, LIST
from hortus_server.api.schemas.admission import AdmissionView, AdmissionWrite
from hortus_server.domain.admission import TenantAdmission, TenantLoad
from hortus_server.services.change_admission import COUNTED

router = APIRouter(prefix="/v1/admin/admission", tags=["admin"])


@router.get("", response_model=AdmissionView, responses=LIST, dependencies=[NoQuery])
async def get_admission(edge: EdgeDep, caller: Admin) -> Response:
    """The tenant's weight and limits, and how many runs run and wait."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        admission = await uow.admission.get(caller.tenant_id)
        load = await uow.admission.load(caller.tenant_id, at_most=COUNTED)
    return _answer(admission, load)


@router.put("", response_model=AdmissionView, responses=CHANGE, dependencies=[NoQuery])
async def put_admission(body: AdmissionWrite, edge: EdgeDep, caller: Admin) -> Response:
    """Replace weight and limits. They hold for the next claim and the next submission; what runs goes on."""
    admission = TenantAdmission(**body.model_dump())
    return _answer(admission, await edge.change_admission(caller.tenant_id, admission, actor=caller.actor))


def _answer(admission: TenantAdmission, load: TenantLoad) -> Response:
    return json_answer(AdmissionView(**asdict(admission), running=load.running, queued=load.queued))
