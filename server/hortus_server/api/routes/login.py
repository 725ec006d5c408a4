"""Who am I, and signing in and out of the admin UI."""

from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from hortus_server.api.answers import json_answer
from hortus_server.api.auth import demand_own_page, identify_key
from hortus_server.api.cookies import LIFETIME_S
from hortus_server.api.deps import Admin, Authenticated, EdgeDep, NoQuery, PeopleDep
from hortus_server.api.responses import CHANGE, LIST
from hortus_server.api.schemas.people import (
    AcceptBody,
    EndedView,
    FirstOwnerBody,
    LinkBody,
    LinkView,
    LoginBody,
    LoginsView,
    LoginView,
    MeView,
    MoveBody,
    PasswordBody,
    SignInBody,
    SignInOptionsView,
)
from hortus_server.api.sign_in import cookie_signer, drop_login, set_login, signed_in, visitor_of, who
from hortus_server.domain.ids import LoginId, TenantId
from hortus_server.services.create_first_owner import NewPerson

router = APIRouter(prefix="/v1", tags=["login"])


@router.get("/me", response_model=MeView, responses=LIST, dependencies=[NoQuery])
async def get_me(edge: EdgeDep, caller: Authenticated) -> Response:
    """The tenant, the key or user, and the scopes behind the credentials."""
    return json_answer(await who(edge, caller))


@router.get("/auth/options", response_model=SignInOptionsView, responses=LIST, dependencies=[NoQuery])
async def get_sign_in_options(edge: EdgeDep) -> Response:
    """How one can sign in here. Needs no credentials."""
    async with edge.store.system_transaction() as uow:
        users = await uow.users.any_exists()
    oidc = edge.people.sign_in_oidc if edge.people else None
    label = oidc.provider.label if oidc else None
    return json_answer(SignInOptionsView(login=edge.options.cookie_secret is not None, users=users, oidc=label))


@router.post("/auth/login", response_model=MeView, responses=CHANGE, dependencies=[NoQuery])
async def login(body: LoginBody, request: Request, edge: EdgeDep) -> Response:
    """Exchange a key for a cookie that only this server's own pages can use, for twelve hours."""
    demand_own_page(edge, request)
    signing = cookie_signer(edge)
    caller = await identify_key(edge, request, body.key)
    response = json_answer(await who(edge, caller))
    set_login(response, request, edge, token=signing.sign(caller.secret_sha256), max_age_s=LIFETIME_S)
    return response


@router.post("/auth/sign-in", response_model=MeView, responses=CHANGE, dependencies=[NoQuery])
async def sign_in(body: SignInBody, request: Request, edge: EdgeDep, people: PeopleDep) -> Response:
    """Sign in as a user with a password; 429 after too many failures of the account or from the address."""
    demand_own_page(edge, request)
    cookie_signer(edge)
    issued = await people.sign_in(body.email, body.password, visitor=visitor_of(request))
    return await signed_in(request, edge, issued)


@router.post("/auth/first-owner", status_code=201, response_model=MeView, responses=CHANGE, dependencies=[NoQuery])
async def create_first_owner(
    body: FirstOwnerBody, request: Request, edge: EdgeDep, people: PeopleDep, caller: Admin
) -> Response:
    """Set-up: make the first user, with the printed key, and sign in as that user. 409 once there is any user."""
    caller.demand_operation()
    cookie_signer(edge)
    person = NewPerson(body.email, body.name, body.password)
    issued = await people.create_first_owner(caller.authority, caller.tenant_id, person, visitor=visitor_of(request))
    response = await signed_in(request, edge, issued)
    response.status_code = 201
    return response


@router.post("/auth/link", response_model=LinkView, responses=CHANGE, dependencies=[NoQuery])
async def look_at_link(body: LinkBody, people: PeopleDep) -> Response:
    """What a one-time link is for. The secret itself is the credential; 401 once it is used, expired or revoked."""
    invitation, is_known = await people.accept_invitation.look(body.secret)
    return json_answer(
        LinkView(
            purpose=invitation.purpose,
            email=invitation.email,
            role=invitation.role,
            tenant_name=invitation.tenant_name,
            expires_at=invitation.expires_at,
            is_known=is_known,
        )
    )


@router.post("/auth/accept", response_model=MeView, responses=CHANGE, dependencies=[NoQuery])
async def accept_link(body: AcceptBody, request: Request, edge: EdgeDep, people: PeopleDep) -> Response:
    """Use a link up: join with a new password or, as somebody known, with the old one; or replace a forgotten one."""
    demand_own_page(edge, request)
    cookie_signer(edge)
    issued = await people.accept_invitation(
        body.secret, name=body.name, password=body.password, visitor=visitor_of(request)
    )
    return await signed_in(request, edge, issued)


@router.post("/auth/logout", status_code=204, responses=LIST, dependencies=[NoQuery])
async def logout(request: Request, edge: EdgeDep, people: PeopleDep, caller: Authenticated) -> Response:
    """End this login and drop the cookie. Revoke a key to end its logins everywhere."""
    if caller.live is not None:
        await people.change_logins.end(caller.live, caller.live.login.id)
    response = Response(status_code=204)
    drop_login(response, request, edge)
    return response


@router.post("/me/password", response_model=MeView, responses=CHANGE, dependencies=[NoQuery])
async def change_password(
    body: PasswordBody, request: Request, edge: EdgeDep, people: PeopleDep, caller: Authenticated
) -> Response:
    """Replace one's own password. Every other login of the user ends, this one gets another cookie."""
    issued = await people.change_password(caller.user(), body.old, body.new, visitor=visitor_of(request))
    return await signed_in(request, edge, issued)


@router.post("/me/tenant", response_model=MeView, responses=CHANGE, dependencies=[NoQuery])
async def move_to_tenant(
    body: MoveBody, request: Request, edge: EdgeDep, people: PeopleDep, caller: Authenticated
) -> Response:
    """Work in another of one's tenants, with the role that one has there."""
    issued = await people.change_logins.move(caller.user(), TenantId(body.tenant_id))
    return await signed_in(request, edge, issued)


@router.get("/me/logins", response_model=LoginsView, responses=LIST, dependencies=[NoQuery])
async def list_my_logins(edge: EdgeDep, caller: Authenticated) -> Response:
    """One's own valid logins, newest first, at most a hundred."""
    live = caller.user()
    async with edge.store.system_transaction() as uow:
        found = await uow.logins.list(live.login.user_id, idle=edge.options.logins.idle)
    return json_answer(LoginsView(items=tuple(LoginView.of(one, this=live.login.id) for one in found)))


@router.delete("/me/logins/{login_id}", status_code=204, responses=CHANGE, dependencies=[NoQuery])
async def end_my_login(login_id: UUID, people: PeopleDep, caller: Authenticated) -> Response:
    """Sign out on another device."""
    await people.change_logins.end(caller.user(), LoginId(login_id))
    return Response(status_code=204)


@router.delete("/me/logins", response_model=EndedView, responses=CHANGE, dependencies=[NoQuery])
async def end_my_logins(people: PeopleDep, caller: Authenticated) -> Response:
    """Sign out everywhere else."""
    return json_answer(EndedView(ended=await people.change_logins.end_all(caller.user(), spare_this=True)))
