"""What all routes that sign somebody in share: where the visitor comes from, the cookie, who one is then."""

from starlette.requests import Request
from starlette.responses import Response

from hortus_server.api.answers import json_answer
from hortus_server.api.auth import Caller, is_secure, signer
from hortus_server.api.cookies import CookieSigner, cookie_name
from hortus_server.api.edge import Edge
from hortus_server.api.refusals import address_of
from hortus_server.api.schemas.people import MeView, place_view
from hortus_server.domain.errors import ForbiddenError
from hortus_server.domain.users import Visitor
from hortus_server.services.authenticate_login import token_digest
from hortus_server.services.start_login import IssuedLogin


def visitor_of(request: Request) -> Visitor:
    """The browser's name for itself and the address that it connects from."""
    address = address_of(request.app.state.edge, request)
    device = "".join(mark for mark in request.headers.get("user-agent", "") if mark.isprintable())
    return Visitor(device[:200], address)


def cookie_signer(edge: Edge) -> CookieSigner:
    """Raises ForbiddenError when this server has no login by cookie."""
    found = signer(edge)
    if found is None:
        raise ForbiddenError("this server has no login by cookie (HORTUS_API_COOKIE_SECRET)", scope="login")
    return found


def set_login(response: Response, request: Request, edge: Edge, *, token: str, max_age_s: int) -> None:
    """Hand the browser its login; it replaces the one that it had."""
    secure = is_secure(request, edge.options.public_origin)
    response.set_cookie(
        cookie_name(secure=secure), token, max_age=max_age_s, httponly=True, samesite="strict", secure=secure
    )
    response.headers["Cache-Control"] = "no-store"


def drop_login(response: Response, request: Request, edge: Edge) -> None:
    """Take the login from the browser."""
    secure = is_secure(request, edge.options.public_origin)
    response.delete_cookie(cookie_name(secure=secure), httponly=True, samesite="strict", secure=secure)


async def signed_in(request: Request, edge: Edge, issued: IssuedLogin) -> Response:
    """Who one is now, and the login's cookie."""
    caller = Caller.of_user(issued.live, token_digest(issued.token))
    response = json_answer(await who(edge, caller))
    max_age_s = round(edge.options.logins.absolute.total_seconds())
    set_login(response, request, edge, token=issued.token, max_age_s=max_age_s)
    return response


async def who(edge: Edge, caller: Caller) -> MeView:
    """What the credentials are, and where else they lead."""
    live = caller.live
    async with edge.store.system_transaction() as uow:
        tenant = await uow.directory.get(caller.tenant_id)
        places = await uow.members.places(live.login.user_id) if live else ()
        user = await uow.users.get(live.login.user_id) if live else None
        may_set_up = live is None and caller.authority.operates and "admin" in caller.scopes
        setup = may_set_up and not await uow.users.any_exists()
    return MeView(
        tenant_id=caller.tenant_id,
        tenant_name=tenant.name if tenant else "",
        kind="key" if live is None else "user",
        id=caller.actor.id,
        name=caller.name,
        key_id=caller.key_id,
        key_name=None if live else caller.name,
        email=live.email if live else None,
        role=live.role if live else None,
        has_password=user is not None and user.has_password,
        scopes=tuple(sorted(caller.scopes)),
        via=caller.via,
        tenants=tuple(place_view(place) for place in places),
        operates=caller.authority.operates,
        setup=setup,
    )
