"""Who am I, and the admin UI's login."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from hortus_server.api.answers import json_answer
from hortus_server.api.auth import Caller, identify_key, signer
from hortus_server.api.cookies import COOKIE, LIFETIME_S
from hortus_server.api.deps import Authenticated, EdgeDep, NoQuery
from hortus_server.api.responses import CHANGE, LIST
from hortus_server.api.schemas.admin import LoginBody, MeView
from hortus_server.domain.errors import ForbiddenError

router = APIRouter(prefix="/v1", tags=["login"])


@router.get("/me", response_model=MeView, responses=LIST, dependencies=[NoQuery])
async def get_me(caller: Authenticated) -> Response:
    """The tenant, key and scopes behind the credentials."""
    return json_answer(_me(caller))


@router.post("/auth/login", response_model=MeView, responses=CHANGE, dependencies=[NoQuery])
async def login(body: LoginBody, request: Request, edge: EdgeDep) -> Response:
    """Exchange a key for a cookie that only this server's own pages can use, for twelve hours."""
    signing = signer(edge)
    if signing is None:
        raise ForbiddenError("this server has no login by cookie (HORTUS_API_COOKIE_SECRET)", scope="login")
    caller = await identify_key(edge, body.key)
    response = json_answer(_me(caller))
    response.set_cookie(
        COOKIE,
        signing.sign(caller.tenant_id, caller.key_id),
        max_age=LIFETIME_S,
        httponly=True,
        samesite="strict",
        secure=_is_secure(request, edge.options.public_origin),
    )
    response.headers["Cache-Control"] = "no-store"
    return response


@router.post("/auth/logout", status_code=204, responses=LIST, dependencies=[NoQuery])
async def logout(_caller: Authenticated) -> Response:
    """Drop the cookie. Revoke the key to end its logins everywhere."""
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return response


def _me(caller: Caller) -> MeView:
    return MeView(
        tenant_id=caller.tenant_id,
        key_id=caller.key_id,
        key_name=caller.key_name,
        scopes=tuple(sorted(caller.scopes)),
        via=caller.via,
    )


def _is_secure(request: Request, public_origin: str | None) -> bool:
    return request.url.scheme == "https" or (public_origin or "").startswith("https:")
