"""Refusals: for want of valid credentials they count for their address, for want of a right they are audited."""

from starlette.requests import HTTPConnection

from hortus_server.api.edge import Edge
from hortus_server.domain.addresses import client_address, network_of
from hortus_server.domain.audit import SYSTEM, Actor
from hortus_server.domain.errors import ForbiddenError, HortusError, UnauthenticatedError
from hortus_server.domain.ids import TenantId
from hortus_server.services.note_refusals import Refusal

_WHO = "hortus.who"
_SIGN_IN = "/v1/auth/"
_SIGN_IN_BY_PASSWORD = "/v1/auth/sign-in"  # noqa: S105 - a route, whose service knows the account and tells itself


def address_of(edge: Edge, connection: HTTPConnection) -> str:
    """Where a connection comes from, behind the proxies that the settings trust."""
    peer = connection.client.host if connection.client else ""
    trusted = edge.options.trusted_proxies
    return client_address(peer, connection.headers.getlist("x-forwarded-for"), trusted) if trusted else peer


def note_caller(connection: HTTPConnection, tenant_id: TenantId, actor: Actor) -> None:
    """Who calls, for what is refused to them later."""
    connection.scope[_WHO] = tenant_id, actor


def refused(edge: Edge, connection: HTTPConnection, error: HortusError, *, attempt: str = "") -> HortusError:
    """Count or note a refusal; the error that is told in its place. `attempt` names what has no route of its own."""
    match error:
        case UnauthenticatedError():
            return _unauthenticated(edge, connection) or error
        case ForbiddenError():
            _forbidden(edge, connection, error, attempt or _route(connection))
    return error


def _unauthenticated(edge: Edge, connection: HTTPConnection) -> HortusError | None:
    address = address_of(edge, connection)
    limited = edge.limit_strangers.count(address)
    path, network = connection.scope["path"], network_of(address)
    if path.startswith(_SIGN_IN) and path != _SIGN_IN_BY_PASSWORD:
        facts = (("route", _route(connection)),)
        edge.note_refusals.note(Refusal(None, SYSTEM, "login.failed", f"address:{network}", facts))
    if limited is not None:
        edge.note_refusals.note(Refusal(None, SYSTEM, "access.blocked", f"address:{network}"))
    return limited


def _forbidden(edge: Edge, connection: HTTPConnection, error: ForbiddenError, attempt: str) -> None:
    who = connection.scope.get(_WHO)
    if who is None:
        return
    tenant_id, actor = who
    edge.note_refusals.note(Refusal(tenant_id, actor, "access.denied", f"route:{attempt}", (("scope", error.scope),)))


def _route(connection: HTTPConnection) -> str:
    """Method and template: as many as there are routes, whatever is sent."""
    template = getattr(connection.scope.get("route"), "path", None) or "unmatched"
    return f"{connection.scope.get('method', 'WS')} {template}"
