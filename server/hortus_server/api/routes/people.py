"""Users of a tenant and the links that let them in; tenants, for those who run the installation."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Request
from starlette.responses import Response

from hortus_server.api.answers import json_answer
from hortus_server.api.auth import is_secure
from hortus_server.api.deps import Admin, EdgeDep, Idempotent, NoQuery, PeopleDep, UsersRead, UsersWrite
from hortus_server.api.edge import Edge
from hortus_server.api.responses import CHANGE, LIST
from hortus_server.api.schemas.people import (
    EndedView,
    InvitationCreate,
    InvitationsView,
    InvitationView,
    IssuedInvitationView,
    UserChange,
    UsersView,
    UserView,
)
from hortus_server.api.schemas.tenants import MadeTenantView, TenantCreate, TenantPatch, TenantsView, TenantView
from hortus_server.domain.ids import InvitationId, TenantId, UserId
from hortus_server.domain.keys import Tenant
from hortus_server.domain.users import Invitation
from hortus_server.services.change_tenant import TenantChange
from hortus_server.services.invite_user import Into, OfferedLink

router = APIRouter(prefix="/v1/admin", tags=["admin"])


@router.get("/users", response_model=UsersView, responses=LIST, dependencies=[NoQuery])
async def list_users(edge: EdgeDep, caller: UsersRead) -> Response:
    """Members of the tenant, by address; at most a thousand."""
    async with edge.store.system_transaction() as uow:
        members = await uow.members.list(caller.tenant_id)
    return json_answer(UsersView(items=tuple(UserView.of(member) for member in members)))


@router.patch("/users/{user_id}", response_model=UserView, responses=CHANGE, dependencies=[NoQuery])
async def change_user(user_id: UUID, body: UserChange, people: PeopleDep, caller: UsersWrite) -> Response:
    """Another role, or keep a user out of this tenant; never beyond the caller's own scopes."""
    changed = await people.change_user(
        caller.authority, caller.tenant_id, UserId(user_id), role=body.role, disabled=body.disabled
    )
    return json_answer(UserView.of(changed))


@router.delete("/users/{user_id}", status_code=204, responses=CHANGE, dependencies=[NoQuery])
async def remove_user(user_id: UUID, people: PeopleDep, caller: UsersWrite) -> Response:
    """Take a user out of this tenant; what the user is elsewhere stays."""
    await people.change_user.remove(caller.authority, caller.tenant_id, UserId(user_id))
    return Response(status_code=204)


@router.delete("/users/{user_id}/logins", response_model=EndedView, responses=CHANGE, dependencies=[NoQuery])
async def end_user_logins(user_id: UUID, people: PeopleDep, caller: UsersWrite) -> Response:
    """Sign a user out of this tenant, on every device."""
    count = await people.change_user.sign_out(caller.authority, caller.tenant_id, UserId(user_id))
    return json_answer(EndedView(ended=count))


@router.post(
    "/users/{user_id}/reset",
    status_code=201,
    response_model=IssuedInvitationView,
    responses=CHANGE,
    dependencies=[NoQuery],
)
async def reset_user(
    user_id: UUID, request: Request, people: PeopleDep, caller: UsersWrite, idempotent: Idempotent
) -> Response:
    """A one-time link to a new password, shown once, for a day."""
    once = idempotent.once(_invitation_json)
    offered = await people.invite_user.reset(caller.authority, caller.tenant_id, UserId(user_id), once=once)
    return _shown_once(request, offered)


@router.post(
    "/invitations", status_code=201, response_model=IssuedInvitationView, responses=CHANGE, dependencies=[NoQuery]
)
async def invite_user(
    body: InvitationCreate, request: Request, people: PeopleDep, caller: UsersWrite, idempotent: Idempotent
) -> Response:
    """A one-time link into the tenant, shown once, for a week. Earlier ones for the address work no more."""
    into = Into(caller.tenant_id, caller.tenant_id)
    once = idempotent.once(_invitation_json)
    return _shown_once(
        request, await people.invite_user(caller.authority, into, email=body.email, role=body.role, once=once)
    )


@router.get("/invitations", response_model=InvitationsView, responses=LIST, dependencies=[NoQuery])
async def list_invitations(edge: EdgeDep, caller: UsersRead) -> Response:
    """Links of the last ninety days, newest first, used and revoked ones included."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        found = await uow.invitations.list(caller.tenant_id)
    return json_answer(InvitationsView(items=tuple(InvitationView.of(one) for one in found)))


@router.delete("/invitations/{invitation_id}", response_model=InvitationView, responses=CHANGE, dependencies=[NoQuery])
async def revoke_invitation(invitation_id: UUID, people: PeopleDep, caller: UsersWrite) -> Response:
    """Let a link work no more."""
    revoked = await people.invite_user.revoke(caller.authority, caller.tenant_id, InvitationId(invitation_id))
    return json_answer(InvitationView.of(revoked))


@router.get("/tenants", response_model=TenantsView, responses=LIST, dependencies=[NoQuery])
async def list_tenants(edge: EdgeDep, caller: Admin) -> Response:
    """All tenants, by name, for administrators of the one that operates the installation."""
    caller.demand_operation()
    async with edge.store.system_transaction() as uow:
        found = await uow.directory.list()
    return json_answer(TenantsView(items=tuple(TenantView.of(*one) for one in found)))


@router.post("/tenants", status_code=201, response_model=MadeTenantView, responses=CHANGE, dependencies=[NoQuery])
async def create_tenant(
    body: TenantCreate, request: Request, people: PeopleDep, caller: Admin, idempotent: Idempotent
) -> Response:
    """A further tenant; with `owner` a one-time link for its first owner. For who runs the installation."""
    caller.demand_operation()
    once = idempotent.once(_tenant_json)
    offered = await people.change_tenant.create(
        caller.authority, caller.tenant_id, name=body.name, owner=body.owner, once=once
    )
    return _shown_once(request, offered)


@router.patch("/tenants/{tenant_id}", response_model=TenantView, responses=CHANGE, dependencies=[NoQuery])
async def change_tenant(
    tenant_id: UUID, people: PeopleDep, caller: Admin, body: Annotated[TenantPatch, Body()]
) -> Response:
    """Rename a tenant, or let nobody in and pause its runs. For who runs the installation."""
    caller.demand_operation()
    changed = await people.change_tenant(
        caller.authority, caller.tenant_id, TenantId(tenant_id), change=TenantChange(body.name, body.disabled)
    )
    return json_answer(TenantView.of(changed))


@router.post(
    "/tenants/{tenant_id}/owner",
    status_code=201,
    response_model=IssuedInvitationView,
    responses=CHANGE,
    dependencies=[NoQuery],
)
async def invite_owner(
    tenant_id: UUID,
    body: Annotated[InvitationCreate, Body()],
    request: Request,
    people: PeopleDep,
    caller: Admin,
    idempotent: Idempotent,
) -> Response:
    """A one-time link into another tenant, where nobody is left to make one. For who runs the installation."""
    caller.demand_operation()
    into, once = Into(caller.tenant_id, TenantId(tenant_id)), idempotent.once(_invitation_json)
    return _shown_once(
        request, await people.invite_user(caller.authority, into, email=body.email, role=body.role, once=once)
    )


def _invitation_json(invitation: Invitation) -> Mapping[str, Any]:
    return InvitationView.of(invitation).model_dump(mode="json")


def _tenant_json(tenant: Tenant) -> Mapping[str, Any]:
    return TenantView.of(tenant).model_dump(mode="json")


def _shown_once(request: Request, offered: OfferedLink) -> Response:
    """The link stands in this answer and nowhere else, not even in an idempotent repetition."""
    link = None if offered.secret is None else _link(request, offered.secret)
    response = json_answer({**offered.answer.body, "link": link}, status=offered.answer.status)
    response.headers["Cache-Control"] = "no-store"
    if offered.answer.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response


def _link(request: Request, secret: str) -> str:
    """Behind `#`, which browsers send to no server: it stays out of logs."""
    edge: Edge = request.app.state.edge
    scheme = "https" if is_secure(request, edge.options.public_origin) else request.url.scheme
    origin = edge.options.public_origin or f"{scheme}://{request.url.netloc}"
    return f"{origin}/join#{secret}"
