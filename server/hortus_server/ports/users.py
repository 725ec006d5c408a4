"""What services need of people: users, memberships, logins, one-time links, counted failures.

These are asked before a tenant is known: whoever calls has proved nothing yet. Methods that act for a tenant take it.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Protocol

from hortus_server.domain.ids import InvitationId, LoginId, TenantId, UserId
from hortus_server.domain.keys import ApiKey, Scope
from hortus_server.domain.records import Page
from hortus_server.domain.users import (
    Invitation,
    LinkPurpose,
    LiveLogin,
    Login,
    LoginMethod,
    Maker,
    Member,
    OidcIdentity,
    Person,
    Place,
    Role,
    User,
    Visitor,
)
from hortus_server.ports.paging import PageRequest


class UserRepository(Protocol):
    """Persons, of the whole installation."""

    async def add(self, email: str, *, name: str, password_hash: str | None) -> User:
        """Raises ConflictError when the address is taken."""
        ...

    async def any_exists(self, *, lock: bool = False) -> bool:
        """Whether there is any user; with `lock` nobody else makes the first one before this transaction ends."""
        ...

    async def get(self, user_id: UserId) -> User | None:
        """A user, disabled ones included."""
        ...

    async def find(self, email: str) -> tuple[User, str | None] | None:
        """A user with the hash of the password, by address; disabled ones included."""
        ...

    async def find_oidc(self, issuer: str, subject: str) -> User | None:
        """The user whom the identity provider knows by this subject."""
        ...

    async def bind_oidc(self, user_id: UserId, identity: OidcIdentity) -> bool:
        """Let the provider's subject sign this user in; False when the user has another subject already."""
        ...

    async def set_password(self, user_id: UserId, password_hash: str | None) -> None:
        """Replace the hash."""
        ...

    async def set_disabled(self, user_id: UserId, *, disabled: bool) -> User | None:
        """Keep a user out of every tenant, or let it in again."""
        ...


class MemberRepository(Protocol):
    """Who belongs to which tenant, as what."""

    async def list(self, tenant_id: TenantId) -> tuple[Member, ...]:
        """All members, by address; at most a thousand."""
        ...

    async def get(self, tenant_id: TenantId, user_id: UserId) -> Member | None:
        """One of them; the tenant's owners are locked, so that two changes cannot remove the last one."""
        ...

    async def put(self, tenant_id: TenantId, user_id: UserId, *, role: Role) -> None:
        """Add a member or change the role; lets a disabled one in again."""
        ...

    async def set_disabled(self, tenant_id: TenantId, user_id: UserId, *, disabled: bool) -> None:
        """Keep a member out, or let it in again."""
        ...

    async def remove(self, tenant_id: TenantId, user_id: UserId) -> bool:
        """Take the user out of the tenant, with its logins there."""
        ...

    async def count_owners(self, tenant_id: TenantId, *, except_user: UserId) -> int:
        """Owners who can sign in, apart from one user."""
        ...

    async def places(self, user_id: UserId) -> tuple[Place, ...]:
        """Tenants that the user may work in now, by name."""
        ...


class LoginRepository(Protocol):
    """Sign-ins under way."""

    async def add(
        self,
        user_id: UserId,
        tenant_id: TenantId,
        *,
        secret_sha256: bytes,
        method: LoginMethod,
        visitor: Visitor,
        expires_at: datetime,
    ) -> Login:
        """Store a login by the hash of its token."""
        ...

    async def find(self, secret_sha256: bytes, *, idle: timedelta) -> LiveLogin | None:
        """A login that is valid now, by the database's clock, with what its user may do; notes that it was seen."""
        ...

    async def move(self, login_id: LoginId, tenant_id: TenantId, *, secret_sha256: bytes) -> Login | None:
        """Let a login work in another tenant, under a new token."""
        ...

    async def list(self, user_id: UserId, *, idle: timedelta) -> tuple[Login, ...]:
        """A user's valid logins, newest first; at most a hundred."""
        ...

    async def end(self, user_id: UserId, login_id: LoginId) -> bool:
        """End one login of a user."""
        ...

    async def end_all(self, user_id: UserId, *, tenant_id: TenantId | None = None, spare: LoginId | None = None) -> int:
        """End a user's logins, of one tenant or of all, apart from `spare`; how many there were."""
        ...

    async def purge(self, *, limit: int) -> int:
        """Forget logins that ended long ago."""
        ...


class InvitationRepository(Protocol):
    """One-time links."""

    async def add(
        self,
        tenant_id: TenantId,
        *,
        purpose: LinkPurpose,
        email: str,
        role: Role,
        secret_sha256: bytes,
        maker: Maker,
        expires_at: datetime,
    ) -> Invitation:
        """Store a link by the hash of its secret; open ones of the same tenant, purpose and address are revoked."""
        ...

    async def find(self, secret_sha256: bytes, *, lock: bool = False) -> Invitation | None:
        """An open link, by the database's clock; with `lock` nobody else uses it before this transaction ends."""
        ...

    async def open_for(self, email: str) -> tuple[Invitation, ...]:
        """Open links into tenants for an address, locked, oldest first."""
        ...

    async def use(self, invitation_id: InvitationId) -> None:
        """It works no more."""
        ...

    async def list(self, tenant_id: TenantId) -> tuple[Invitation, ...]:
        """Links of the last ninety days, newest first; at most two hundred."""
        ...

    async def revoke(self, tenant_id: TenantId, invitation_id: InvitationId) -> Invitation | None:
        """Revoke; None when there is no such open link in the tenant."""
        ...


class FailureRepository(Protocol):
    """Failed sign-ins within a window of time."""

    async def charge(self, subject_sha256: bytes, *, window: timedelta) -> tuple[int, float]:
        """Count one more; how many there are now, and in how many seconds they are forgotten."""
        ...

    async def forgive(self, subject_sha256: bytes, *, all_of_them: bool) -> None:
        """Take one failure back, or all of them."""
        ...


class EveryoneRepository(Protocol):
    """All users, for who runs the installation."""

    async def list(self, page: PageRequest, *, email: str = "") -> Page[Person]:
        """Newest first, of those whose address holds the text."""
        ...

    async def get(self, user_id: UserId) -> Person | None:
        """One of them, locked until the transaction ends."""
        ...

    async def owned_alone(self, user_id: UserId) -> tuple[str, ...]:
        """Names of open tenants in which nobody else is an owner who can sign in; their owners are locked."""
        ...

    async def tenants(self, user_id: UserId) -> tuple[TenantId, ...]:
        """Where the user belongs to, kept out or not."""
        ...

    async def end_keys(
        self, user_id: UserId, *, tenant_id: TenantId | None = None, kept: Collection[Scope] | None = None
    ) -> tuple[ApiKey, ...]:
        """Revoke what the user made, in one tenant or in all, all of it or beyond `kept`; the keys that worked."""
        ...

    async def end_links(self, user_id: UserId, *, made_in: TenantId | None = None) -> int:
        """Revoke the open links that the user made in a tenant, or in all of them and those for it; how many."""
        ...
