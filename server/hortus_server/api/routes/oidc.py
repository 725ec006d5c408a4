"""Signing in with the identity provider: out to it, and back."""

import hmac
from typing import Annotated
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import RedirectResponse, Response

from hortus_server.api.auth import is_secure
from hortus_server.api.cookies import ATTEMPT_LIFETIME_S, AttemptSigner, attempt_cookie
from hortus_server.api.deps import EdgeDep, PeopleDep
from hortus_server.api.edge import Edge
from hortus_server.api.people import People
from hortus_server.api.responses import Responses, problems
from hortus_server.api.sign_in import cookie_signer, set_login, visitor_of
from hortus_server.domain.errors import HortusError, NotFoundError, UnauthenticatedError, UnavailableError
from hortus_server.services.sign_in_oidc import SignInOidc

log = structlog.get_logger()

router = APIRouter(prefix="/v1/auth/oidc", tags=["login"])
REDIRECT: Responses = {303: {"description": "to the identity provider, or back to the UI"}}


class StartQuery(BaseModel):
    """Where to go afterwards."""

    model_config = ConfigDict(extra="forbid")

    return_to: str = Field(default="/", max_length=500, description="page of the UI to come back to")


@router.get("/start", status_code=303, responses=REDIRECT | problems(401, 403, 404, 422, 503))
async def start_oidc(
    request: Request,
    edge: EdgeDep,
    people: PeopleDep,
    query: Annotated[StartQuery, Query()],
) -> Response:
    """Send the browser to the identity provider. Needs no credentials."""
    oidc = _oidc(people)
    signing = AttemptSigner(cookie_signer(edge).secret)
    attempt, address = await oidc.begin(redirect_uri=_redirect_uri(request, edge))
    response = RedirectResponse(address, status_code=303)
    secure = is_secure(request, edge.options.public_origin)
    response.set_cookie(
        attempt_cookie(secure=secure),
        signing.sign(attempt, return_to=_own_page(query.return_to)),
        max_age=ATTEMPT_LIFETIME_S,
        httponly=True,
        # The provider's page sends the browser back here: with `strict` this cookie would stay behind.
        samesite="lax",
        secure=secure,
    )
    response.headers["Cache-Control"] = "no-store"
    return response


@router.get("/callback", status_code=303, responses=REDIRECT | problems(401, 403, 404, 422, 503))
async def finish_oidc(request: Request, edge: EdgeDep, people: PeopleDep) -> Response:
    """Where the identity provider sends the browser back to. What went wrong is said on the sign-in page."""
    oidc = _oidc(people)
    secure = is_secure(request, edge.options.public_origin)
    token = request.cookies.get(attempt_cookie(secure=secure), "")
    try:
        attempt, return_to = AttemptSigner(cookie_signer(edge).secret).read(token)
        if not hmac.compare_digest(request.query_params.get("state", "").encode(), attempt.state.encode()):
            raise UnauthenticatedError("the answer belongs to another attempt to sign in")
        code = request.query_params.get("code", "")
        if not 0 < len(code) <= 4096:  # noqa: PLR2004 - longer than any provider's
            raise UnauthenticatedError("the identity provider signed nobody in")
        issued = await oidc.finish(
            code, attempt, redirect_uri=_redirect_uri(request, edge), visitor=visitor_of(request)
        )
    except UnavailableError as error:
        return _refuse(request, edge, "unavailable", error)
    except HortusError as error:
        return _refuse(request, edge, "refused", error)
    response = RedirectResponse(return_to, status_code=303)
    max_age_s = round(edge.options.logins.absolute.total_seconds())
    set_login(response, request, edge, token=issued.token, max_age_s=max_age_s)
    response.delete_cookie(attempt_cookie(secure=secure), httponly=True, samesite="lax", secure=secure)
    return response


def _refuse(request: Request, edge: Edge, outcome: str, error: HortusError) -> Response:
    log.info("oidc_sign_in_refused", code=error.code, reason=str(error))
    response = RedirectResponse(f"/?{urlencode({'sign_in': outcome})}", status_code=303)
    secure = is_secure(request, edge.options.public_origin)
    response.delete_cookie(attempt_cookie(secure=secure), httponly=True, samesite="lax", secure=secure)
    response.headers["Cache-Control"] = "no-store"
    return response


def _oidc(people: People) -> SignInOidc:
    if people.sign_in_oidc is None:
        raise NotFoundError("identity provider", "(none is configured)")
    return people.sign_in_oidc


def _redirect_uri(request: Request, edge: Edge) -> str:
    origin = edge.options.public_origin or f"{request.url.scheme}://{request.url.netloc}"
    return f"{origin}/v1/auth/oidc/callback"


def _own_page(path: str) -> str:
    """Only a path of this server: neither `//elsewhere` nor what browsers read as that."""
    is_own = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path
    return path if is_own else "/"
