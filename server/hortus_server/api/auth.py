"""Who calls, and whether they may: keys in headers for programs, a cookie for the admin UI's own pages."""

from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import HTTPConnection
from starlette.types import Scope as AsgiScope

from hortus_server.api.cookies import CookieSigner, cookie_name
from hortus_server.api.edge import Edge
from hortus_server.api.rates import note, occupy
from hortus_server.api.refusals import address_of, note_caller
from hortus_server.domain.approvals import Decider
from hortus_server.domain.audit import Actor
from hortus_server.domain.errors import ForbiddenError, HortusError, UnauthenticatedError
from hortus_server.domain.ids import KeyId, TenantId
from hortus_server.domain.keys import ApiKey, Scope
from hortus_server.domain.rates import Requester
from hortus_server.domain.users import ROLE_SCOPES, Authority, LiveLogin
from hortus_server.services.authenticate_key import secret_digest
from hortus_server.services.authenticate_login import TOKEN_MARK, token_digest
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
    """An authenticated request's rights, in one tenant: those of a key, or of a user's role there.

    `key_id` is None for a user, `live` (the login) for a key. `secret_sha256` is the hash of what was shown: of a key's
    secret or a login's token.
    """

    tenant_id: TenantId
    authority: Authority
    via: Literal["key", "cookie"]
    key_id: KeyId | None = None
    live: LiveLogin | None = None
    secret_sha256: bytes = b""

    @classmethod
    def of(cls, key: ApiKey, via: Literal["key", "cookie"], secret_sha256: bytes) -> "Caller":
        """The rights of a key."""
        authority = Authority(
            Actor("key", str(key.id), key.name), frozenset(key.scopes), key.person_id, key.tenant_operates
        )
        return cls(key.tenant_id, authority, via, key.id, None, secret_sha256)

    @classmethod
    def of_user(cls, live: LiveLogin, secret_sha256: bytes) -> "Caller":
        """The rights of a user's role, as the login's tenant gives them now."""
        user_id = live.login.user_id
        authority = Authority(
            Actor("user", str(user_id), live.name), ROLE_SCOPES[live.role], user_id, live.tenant_operates
        )
        return cls(live.login.tenant_id, authority, "cookie", None, live, secret_sha256)

    @property
    def scopes(self) -> frozenset[Scope]:
        """What the key or role covers; `admin` covers everything in the tenant."""
        return self.authority.scopes

    @property
    def name(self) -> str:
        """The key's or the user's."""
        return self.authority.actor.name

    @property
    def signature(self) -> str:
        """Who did it, for records that people read."""
        return f"{self.name} ({self.authority.actor.id})"

    @property
    def decider(self) -> Decider:
        """Who decides on an approval."""
        kind: Literal["key", "user"] = "key" if self.live is None else "user"
        return Decider(UUID(self.authority.actor.id), self.name, self.authority.person_id, kind)

    @property
    def actor(self) -> Actor:
        """Who the audit log says did it."""
        return self.authority.actor

    @property
    def requester(self) -> Requester:
        """Whose limits hold."""
        return Requester(self.tenant_id, self.authority.actor.id, self.key_id)

    def demand(self, scope: Scope | None) -> None:
        """Raises ForbiddenError unless the key or role has the scope, or `admin`."""
        if scope is not None and scope not in self.scopes and "admin" not in self.scopes:
            whose = "key lacks" if self.live is None else f"role {self.live.role} lacks"
            raise ForbiddenError(f"the {whose} the scope {scope}", scope=scope)

    def demand_operation(self, scope: Scope = "admin") -> None:
        """For what concerns all tenants. Raises ForbiddenError unless the scope is held in the operating tenant."""
        self.demand(scope)
        if not self.authority.operates:
            raise ForbiddenError("this concerns every tenant: the one that operates the installation may", scope=scope)

    def user(self) -> LiveLogin:
        """The login of a user. Raises ForbiddenError when a key calls."""
        if self.live is None:
            raise ForbiddenError("this is for users who signed in, not for keys", scope="login")
        return self.live


async def identify(edge: Edge, connection: HTTPConnection) -> Caller:
    """The caller by `Authorization` header, else by cookie.

    Raises UnauthenticatedError, and CsrfError when a cookie comes from a page that is not ours: with every WebSocket,
    and with every request that may change something (which needs the header `X-Hortus-CSRF` too).
    """
    scheme, _, secret = connection.headers.get("authorization", "").partition(" ")
    if scheme:
        if scheme.lower() != "bearer":
            raise UnauthenticatedError("use the scheme Bearer")
        return await identify_key(edge, connection, secret.strip())
    token = connection.cookies.get(cookie_name(secure=is_secure(connection, edge.options.public_origin)))
    if token is None:
        raise UnauthenticatedError("send an API key as `Authorization: Bearer hk_...`")
    known = edge.authenticate_login.knows(token_digest(token))
    async with edge.limit_strangers.looking(address_of(edge, connection), known=known):
        caller = await _identify_cookie(edge, connection, token)
    note_caller(connection, caller.tenant_id, caller.actor)
    return caller


async def identify_key(edge: Edge, connection: HTTPConnection, secret: str) -> Caller:
    """The caller by an API key. Raises UnauthenticatedError."""
    if not 0 < len(secret) <= LONGEST_KEY:
        raise UnauthenticatedError("no such key, or it expired or was revoked")
    known = edge.authenticate.knows(secret)
    async with edge.limit_strangers.looking(address_of(edge, connection), known=known):
        caller = Caller.of(await edge.authenticate.by_secret(secret), "key", secret_digest(secret))
    note_caller(connection, caller.tenant_id, caller.actor)
    return caller


async def still_valid(edge: Edge, caller: Caller) -> None:
    """Check a caller again, in a connection that stays open. Raises UnauthenticatedError."""
    if caller.key_id is not None:
        await edge.authenticate.by_digest(caller.secret_sha256)
        return
    live = await edge.authenticate_login.by_digest(caller.secret_sha256)
    if ROLE_SCOPES[live.role] != caller.scopes or live.login.tenant_id != caller.tenant_id:
        raise UnauthenticatedError("the role has changed; connect again")


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


def is_secure(connection: HTTPConnection, public_origin: str | None) -> bool:
    """Whether browsers reach this server over TLS, so that cookies may be bound to it."""
    return connection.url.scheme in {"https", "wss"} or (public_origin or "").startswith("https:")


def demand_own_page(edge: Edge, connection: HTTPConnection) -> None:
    """For routes that sign somebody in: another site's page may not. Raises CsrfError."""
    if "origin" in connection.headers and not _same_origin(edge, connection):
        raise CsrfError("the request comes from another origin")


async def _identify_cookie(edge: Edge, connection: HTTPConnection, token: str) -> Caller:
    signing = signer(edge)
    if signing is None:
        raise UnauthenticatedError("this server has no login by cookie")
    if len(token) > LONGEST_KEY:
        raise UnauthenticatedError("the login cookie is not valid")
    if token.startswith(TOKEN_MARK):
        digest = token_digest(token)
        caller = Caller.of_user(await edge.authenticate_login.by_digest(digest), digest)
        _demand_csrf(edge, connection)
        return caller
    digest = signing.read(token)
    _demand_csrf(edge, connection)
    return Caller.of(await edge.authenticate.by_digest(digest), "cookie", digest)


def _demand_csrf(edge: Edge, connection: HTTPConnection) -> None:
    is_socket = connection.scope["type"] == "websocket"
    if not is_socket and connection.scope["method"] in SAFE_METHODS:
        return
    if not is_socket and connection.headers.get(CSRF_HEADER) != "1":
        raise CsrfError("the header X-Hortus-CSRF is missing")
    if not _same_origin(edge, connection):
        raise CsrfError("the request comes from another origin")


def _same_origin(edge: Edge, connection: HTTPConnection) -> bool:
    host = connection.headers.get("host", "")
    own = {edge.options.public_origin, f"https://{host}"}
    if not is_secure(connection, edge.options.public_origin):
        own.add(f"http://{host}")  # behind TLS a page without it may be anybody's on the way
    return connection.headers.get("origin", "") in own


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
