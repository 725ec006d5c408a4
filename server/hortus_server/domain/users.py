"""People: users, what their roles allow, their logins and the one-time links that let them in."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, get_args
from uuid import UUID

from hortus_server.domain.audit import Actor, NewAuditEntry
from hortus_server.domain.errors import ForbiddenError, InvalidInputError
from hortus_server.domain.ids import InvitationId, LoginId, TenantId, UserId
from hortus_server.domain.keys import Scope

Role = Literal["owner", "operator", "developer", "viewer"]
LoginMethod = Literal["password", "oidc", "link"]
LinkPurpose = Literal["join", "reset"]

ROLES: tuple[Role, ...] = get_args(Role)
"""The strongest first."""

ALL_SCOPES: tuple[Scope, ...] = get_args(Scope)
_READS: frozenset[Scope] = frozenset({
    "agents:read", "sessions:read", "runs:read", "tools:read", "memories:read", "schedules:read", "webhooks:read",
    "approvals:read", "policies:read",
})  # fmt: skip
ROLE_SCOPES: Mapping[Role, frozenset[Scope]] = {
    "owner": frozenset({"admin"}),
    "operator": _READS | {
        "runs:write", "stops:write", "tools:write", "memories:write", "approvals:decide", "policies:write",
        "secrets:read", "secrets:write", "audit:read", "users:read",
    },
    "developer": _READS | {
        "agents:write", "sessions:write", "runs:write", "tools:write", "memories:write", "schedules:write",
        "webhooks:write", "secrets:read",
    },
    "viewer": _READS,
}  # fmt: skip
"""What a role allows, in its own tenant and nowhere else."""

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 200
FEWEST_CHARACTERS = 5
_GUESSED_FIRST = frozenset({
    "123456789012", "1234567890123", "qwertyuiop12", "qwertyuiop123", "password1234", "password12345",
    "password123456", "passwordpassword", "administrator", "administrator1", "iloveyou1234", "letmeinletmein",
    "changemechangeme", "correcthorsebatterystaple", "hortushortus", "welcome12345", "welcomewelcome",
})  # fmt: skip


def covers(scopes: Collection[Scope], wanted: Collection[Scope]) -> bool:
    """Whether somebody with `scopes` may do all of `wanted`."""
    return "admin" in scopes or set(wanted) <= set(scopes)


@dataclass(frozen=True, slots=True)
class Authority:
    """Who acts, and with what: nobody hands on more than they have.

    `user_id` is the user who acts, or who made the key that acts. `operates`: the tenant runs the installation.
    """

    actor: Actor
    scopes: frozenset[Scope]
    user_id: UUID | None
    operates: bool = False

    @property
    def person_id(self) -> UUID:
        """Tells persons apart: a user counts once, by login or by key; a key that no user made is its own."""
        return self.user_id or UUID(self.actor.id)

    def demand_cover(self, wanted: Collection[Scope]) -> None:
        """Raises ForbiddenError, with the first scope that is missing."""
        if not covers(self.scopes, wanted):
            missing = next(scope for scope in ALL_SCOPES if scope in wanted and scope not in self.scopes)
            raise ForbiddenError(f"nobody hands on more than they have: {missing} is missing", scope=missing)


@dataclass(frozen=True, slots=True)
class LoginRules:
    """How long logins and links last, and how many sign-ins may fail within `window`."""

    idle: timedelta = timedelta(hours=12)
    absolute: timedelta = timedelta(days=7)
    account_failures: int = 10
    address_failures: int = 50
    window: timedelta = timedelta(minutes=15)
    invitation: timedelta = timedelta(days=7)
    reset: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class OidcRules:
    """Whom the identity provider lets in at their first sign-in, and as what.

    Values of the role claim come first, then `role` for addresses of `domains`; others need an invitation.
    """

    domains: frozenset[str] = frozenset()
    role: Role = "viewer"
    roles: Mapping[str, Role] = field(default_factory=dict)
    tenant: str | None = None

    def role_of(self, identity: "OidcIdentity") -> Role | None:
        """The strongest role that the provider's word gives; None: it gives none."""
        named = {self.roles[value] for value in identity.roles if value in self.roles}
        for role in ROLES:
            if role in named:
                return role
        return self.role if identity.email.rpartition("@")[2] in self.domains else None


@dataclass(frozen=True, slots=True)
class User:
    """A person. `has_password` is false for those who sign in with the identity provider only."""

    id: UserId
    email: str
    name: str
    has_password: bool
    has_oidc: bool
    disabled_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Member:
    """A user in a tenant. `tenants` counts all tenants of the user; nobody in one may reset another's access."""

    user: User
    tenant_id: TenantId
    role: Role
    disabled_at: datetime | None
    created_at: datetime
    last_seen_at: datetime | None
    tenants: int


@dataclass(frozen=True, slots=True)
class Person:
    """A user of the installation, with how many tenants it belongs to and how many keys of its making work."""

    user: User
    tenants: int
    keys: int
    last_seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class Place:
    """A tenant that a user may work in."""

    tenant_id: TenantId
    tenant_name: str
    role: Role
    operates: bool


@dataclass(frozen=True, slots=True)
class Login:
    """One sign-in of a user, in one tenant at a time."""

    id: LoginId
    user_id: UserId
    tenant_id: TenantId
    method: LoginMethod
    device: str
    address: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class LiveLogin:
    """A login with the rights that it has now, as it was looked up by its token."""

    login: Login
    email: str
    name: str
    role: Role
    tenant_operates: bool

    def entry(self, action: str, **detail: str | int) -> NewAuditEntry:
        """What the user did to itself, for the audit log of the tenant that it works in."""
        user = str(self.login.user_id)
        actor = Actor("user", user, self.name)
        return NewAuditEntry(self.login.tenant_id, actor, action, f"user:{user}", dict(detail))


@dataclass(frozen=True, slots=True)
class Visitor:
    """Where a sign-in comes from, as far as a server can know: for the list of logins and for counting failures."""

    device: str
    address: str


@dataclass(frozen=True, slots=True)
class Invitation:
    """A one-time link for an email address; only the hash of its secret is stored."""

    id: InvitationId
    tenant_id: TenantId
    tenant_name: str
    purpose: LinkPurpose
    email: str
    role: Role
    made_by: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Maker:
    """Who made a link: the name for people, and the user behind it, if there is one."""

    name: str
    user_id: UUID | None


@dataclass(frozen=True, slots=True)
class OidcIdentity:
    """Who an identity provider says that somebody is, from a checked id token; `roles` are the claim's values."""

    issuer: str
    subject: str
    email: str
    email_verified: bool
    name: str
    roles: tuple[str, ...] = ()


def plain_email(text: str) -> str:
    """The address as it is compared. Raises InvalidInputError when it cannot be one."""
    email = text.strip().lower()
    local, _, domain = email.rpartition("@")
    if not local or "." not in domain.strip(".") or any(mark.isspace() or not mark.isprintable() for mark in email):
        raise InvalidInputError("this is not an email address")
    return email


def check_password(password: str, *, email: str, name: str) -> None:
    """Raises InvalidInputError, which says why, for one that is guessed early: length counts, not kinds of signs."""
    if len(password) < SHORTEST_PASSWORD:
        raise InvalidInputError(f"a password has {SHORTEST_PASSWORD} characters or more")
    if len(password) > LONGEST_PASSWORD:
        raise InvalidInputError(f"a password has {LONGEST_PASSWORD} characters or fewer")
    lowered = password.lower()
    if len(set(lowered)) < FEWEST_CHARACTERS or lowered in _GUESSED_FIRST:
        raise InvalidInputError("this password is among the first that are guessed")
    known = [part for part in (email, email.partition("@")[0], name.lower()) if len(part) >= FEWEST_CHARACTERS]
    if any(part in lowered and len(lowered) - len(part) < FEWEST_CHARACTERS for part in known):
        raise InvalidInputError("a password is more than a name or an address")
