"""People: users, their logins, one-time links, and who one is, as sent and received."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from hortus_server.api.schemas.wire import Body, PageView, View
from hortus_server.domain.keys import Scope
from hortus_server.domain.users import Invitation, LinkPurpose, Login, LoginMethod, Member, Person, Place, Role


def stripped(text: str) -> str:
    """A name without blanks around it. Raises ValueError for a blank one and signs that cannot be shown."""
    name = text.strip()
    if not name or not name.isprintable():
        raise ValueError("must not be blank, and of printable signs")
    return name


Email = Annotated[str, Field(min_length=3, max_length=254, examples=["ann@example.org"])]
PersonName = Annotated[str, Field(min_length=1, max_length=100, examples=["Ann"]), AfterValidator(stripped)]
Secret = Annotated[str, Field(min_length=1, max_length=200)]
NewPassword = Annotated[str, Field(min_length=1, max_length=200, description="12 characters or more")]


class PlaceView(View):
    """A tenant that one may work in."""

    tenant_id: UUID
    tenant_name: str
    role: Role
    operates: bool = Field(description="its administrators run the installation")


class MeView(View):
    """Who the credentials belong to. `key_*` are of a key, `role` and `email` of a user."""

    tenant_id: UUID
    tenant_name: str
    kind: Literal["key", "user"]
    id: UUID
    name: str
    key_id: UUID | None
    key_name: str | None
    email: str | None
    role: Role | None
    has_password: bool
    scopes: tuple[Scope, ...]
    via: Literal["key", "cookie"]
    tenants: tuple[PlaceView, ...] = Field(description="where a user may work; empty for a key")
    operates: bool = Field(description="the tenant runs the installation")
    setup: bool = Field(description="there is no user yet, and these credentials may make the first one")


class LoginBody(Body):
    """Exchange a key for a cookie of the admin UI."""

    key: str = Field(min_length=1, max_length=200, examples=["hk_..."])


class SignInBody(Body):
    """Sign in as a user."""

    email: Email
    password: Secret


class FirstOwnerBody(Body):
    """The first user, who owns the caller's tenant."""

    email: Email
    name: PersonName
    password: NewPassword


class LinkBody(Body):
    """The secret of a one-time link: what stands behind its `#`."""

    secret: Secret = Field(examples=["one-time-secret"])


class AcceptBody(Body):
    """Use a link up; `name` counts for a new user."""

    secret: Secret
    name: PersonName
    password: Annotated[str, Field(min_length=1, max_length=200, description="the user's own where there is one")]


class LinkView(View):
    """What a link is for."""

    purpose: LinkPurpose
    email: str
    role: Role
    tenant_name: str
    expires_at: datetime
    is_known: bool = Field(description="the address is a user already, who proves it with the password")


class SignInOptionsView(View):
    """How one can sign in here."""

    login: bool = Field(description="false: this server has no login by cookie")
    users: bool = Field(description="false: nobody has been set up yet; sign in with the printed key")
    oidc: str | None = Field(description="what the identity provider is called; null: there is none")


class PasswordBody(Body):
    """Replace one's own password; every other login of the user ends."""

    old: Secret = Field(examples=["the old passphrase"])
    new: NewPassword = Field(examples=["a new and longer passphrase"])


class MoveBody(Body):
    """Work in another tenant."""

    tenant_id: UUID = Field(examples=["0198a1c0-0000-7000-8000-000000000001"])


class LoginView(View):
    """One sign-in."""

    id: UUID
    tenant_id: UUID
    method: LoginMethod
    device: str = Field(description="as the browser called itself")
    address: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    is_this: bool

    @classmethod
    def of(cls, login: Login, *, this: UUID | None) -> "LoginView":
        """A login as it is sent."""
        return cls(
            id=login.id,
            tenant_id=login.tenant_id,
            method=login.method,
            device=login.device,
            address=login.address,
            created_at=login.created_at,
            last_seen_at=login.last_seen_at,
            expires_at=login.expires_at,
            is_this=login.id == this,
        )


class LoginsView(View):
    """Valid logins, newest first."""

    items: tuple[LoginView, ...]


class EndedView(View):
    """How many logins ended."""

    ended: int


class UserView(View):
    """A member of the tenant."""

    id: UUID
    email: str
    name: str
    role: Role
    state: Literal["active", "disabled", "disabled_everywhere"]
    has_password: bool
    has_oidc: bool
    created_at: datetime
    last_seen_at: datetime | None

    @classmethod
    def of(cls, member: Member) -> "UserView":
        """A member as it is sent."""
        state: Literal["active", "disabled", "disabled_everywhere"] = "active"
        if member.user.disabled_at is not None:
            state = "disabled_everywhere"
        elif member.disabled_at is not None:
            state = "disabled"
        return cls(
            id=member.user.id,
            email=member.user.email,
            name=member.user.name,
            role=member.role,
            state=state,
            has_password=member.user.has_password,
            has_oidc=member.user.has_oidc,
            created_at=member.created_at,
            last_seen_at=member.last_seen_at,
        )


class UsersView(View):
    """All members of the tenant, by address."""

    items: tuple[UserView, ...]


class UserChange(Body):
    """What is to be different."""

    role: Role | None = Field(default=None, examples=["operator"])
    disabled: bool | None = None


class PersonView(View):
    """A user of the installation."""

    id: UUID
    email: str
    name: str
    disabled_at: datetime | None = Field(description="kept out of every tenant since")
    tenants: int = Field(description="how many tenants the user belongs to")
    keys: int = Field(description="how many keys of its making work, in all tenants")
    has_password: bool
    has_oidc: bool
    created_at: datetime
    last_seen_at: datetime | None

    @classmethod
    def of(cls, person: Person) -> "PersonView":
        """A user as it is sent."""
        user = person.user
        return cls(
            id=user.id,
            email=user.email,
            name=user.name,
            disabled_at=user.disabled_at,
            tenants=person.tenants,
            keys=person.keys,
            has_password=user.has_password,
            has_oidc=user.has_oidc,
            created_at=user.created_at,
            last_seen_at=person.last_seen_at,
        )


class PersonPage(PageView[PersonView]):
    """Users of the installation, newest first."""


class PersonChange(Body):
    """Keep a user out of the installation, or let it in again."""

    disabled: bool = Field(examples=[True])


class InvitationCreate(Body):
    """Let somebody in."""

    email: Email
    role: Role


class InvitationView(View):
    """A one-time link, without its secret."""

    id: UUID
    purpose: LinkPurpose
    email: str
    role: Role
    made_by: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, invitation: Invitation) -> "InvitationView":
        """A link as it is sent."""
        return cls.model_validate(invitation)


class IssuedInvitationView(InvitationView):
    """A new link. It is shown once, and whoever holds it can use it."""

    link: str | None = Field(
        description="null in an idempotent repetition", examples=["https://hortus.example/join#..."]
    )


class InvitationsView(View):
    """Links of the last ninety days, newest first."""

    items: tuple[InvitationView, ...]


def place_view(place: Place) -> PlaceView:
    """A tenant of a user as it is sent."""
    return PlaceView.model_validate(place)
