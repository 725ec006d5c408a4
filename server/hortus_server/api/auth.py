"""Who calls, and whether they may: keys in headers for programs, a cookie for the admin UI's own pages."""

from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import urlsplit

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import HTTPConnection
from starlette.types import Scope as AsgiScope

from hortus_server.api.cookies import COOKIE, CookieSigner
from hortus_server.api.edge import Edge
from hortus_server.api.rates import note, occupy
from hortus_server.domain.audit import Actor
from hortus_server.domain.errors import ForbiddenError, HortusError, UnauthenticatedError
from hortus_server.domain.ids import KeyId, TenantId
from hortus_server.domain.rates import Requester
from hortus_server.domain.records import ApiKey, Scope
from hortus_server.services.limit_requests import Account

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_HEADER = "x-hortus-csrf"
LONGEST_KEY = 200

bearer = HTTPBearer(
    scheme_name="ApiKey",
    bearerFormat="hk_...",
    description="An API key; `hortus key create` or `POST /v1/admin/keys` makes one.",
    auto_error=False,
)


class CsrfError(HortusError):
    """A cookie came with a request that the UI's own pages did not make."""

    code = "csrf"


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated request's rights: always those of one key, in that key's tenant."""

    tenant_id: TenantId
    key_id: KeyId
    key_name: str
    scopes: frozenset[Scope]
    via: Literal["key", "cookie"]

    @classmethod
    def of(cls, key: ApiKey, via: Literal["key", "cookie"]) -> "Caller":
        """The rights of a key."""
        return cls(key.tenant_id, key.id, key.name, frozenset(key.scopes), via)

    @property
    def actor(self) -> Actor:
        """Who the audit log says did it."""
        return Actor("key", str(self.key_id), self.key_name)

    @property
    def requester(self) -> Requester:
        """Whose limits hold."""
        return Requester(self.tenant_id, str(self.key_id), self.key_id)

    def demand(self, scope: Scope | None) -> None:
        """Raises ForbiddenError unless the key has the scope, or `admin`."""
        if scope is not None and scope not in self.scopes and "admin" not in self.scopes:
            raise ForbiddenError(f"the key lacks the scope {scope}", scope=scope)


async def identify(edge: Edge, connection: HTTPConnection) -> Caller:
    """The caller by `Authorization` header, else by cookie.

    Raises UnauthenticatedError, and CsrfError when a cookie comes from a page that is not ours: with every WebSocket,
    and with every request that may change something (which needs the header `X-Hortus-CSRF` too).
    """
    scheme, _, secret = connection.headers.get("authorization", "").partition(" ")
    if scheme:
        if scheme.lower() != "bearer":
            raise UnauthenticatedError("use the scheme Bearer")
        return await identify_key(edge, secret.strip())
    token = connection.cookies.get(COOKIE)
    if token is None:
        raise UnauthenticatedError("send an API key as `Authorization: Bearer hk_...`")
    return await _identify_cookie(edge, connection, token)


async def identify_key(edge: Edge, secret: str) -> Caller:
    """The caller by an API key. Raises UnauthenticatedError."""
    if not 0 < len(secret) <= LONGEST_KEY:
        raise UnauthenticatedError("no such key, or it expired or was revoked")
    return Caller.of(await edge.authenticate.by_secret(secret), "key")


async def still_valid(edge: Edge, caller: Caller) -> None:
    """Check a caller again, in a connection that stays open. Raises UnauthenticatedError."""
    await edge.authenticate.by_id(caller.tenant_id, caller.key_id)


async def count_request(edge: Edge, caller: Caller) -> Account:
    """Count one request of the caller's. Raises RateLimitedError."""
    account = await edge.limit_requests.account(caller.requester)
    await edge.limit_requests.spend(account)
    return account


async def occupy_place(edge: Edge, scope: AsgiScope, caller: Caller) -> None:
    """Count a request, and keep a place for it until it ends. Raises RateLimitedError, LimitExceededError."""
    account = await edge.limit_requests.account(caller.requester)
    note(scope, account)  # so that a refusal's headers tell too
    await edge.limit_requests.spend(account)
    occupy(scope, edge.limit_requests.enter(account))


def signer(edge: Edge) -> CookieSigner | None:
    """None when this server has no cookie secret: then there is no login by cookie."""
    secret = edge.options.cookie_secret
    return CookieSigner(secret) if secret else None


async def _identify_cookie(edge: Edge, connection: HTTPConnection, token: str) -> Caller:
    signing = signer(edge)
    if signing is None:
        raise UnauthenticatedError("this server has no login by cookie")
    tenant_id, key_id = signing.read(token)
    is_socket = connection.scope["type"] == "websocket"
    if is_socket or connection.scope["method"] not in SAFE_METHODS:
        if not is_socket and connection.headers.get(CSRF_HEADER) != "1":
            raise CsrfError("the header X-Hortus-CSRF is missing")
        if not _same_origin(edge, connection):
            raise CsrfError("the request comes from another origin")
    return Caller.of(await edge.authenticate.by_id(tenant_id, key_id), "cookie")


def _same_origin(edge: Edge, connection: HTTPConnection) -> bool:
    origin = connection.headers.get("origin", "")
    if not origin:
        return False
    return origin == edge.options.public_origin or urlsplit(origin).netloc == connection.headers.get("host", "")


class Require:
    """A route's dependency: the caller, if its key has the scope."""

    def __init__(self, scope: Scope | None) -> None:
        self.scope = scope

    async def __call__(
        self,
        request: Request,
        _credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)],
    ) -> Caller:
        """Authenticate, count, authorise. Raises what these raise, LimitExceededError among it."""
        edge: Edge = request.app.state.edge
        caller = await identify(edge, request)
        await occupy_place(edge, request.scope, caller)
        caller.demand(self.scope)
        return caller
