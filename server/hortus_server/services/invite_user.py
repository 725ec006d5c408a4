"""One-time links: into a tenant, or to a new password. Who accepts one is signed in."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hortus_server.domain.audit import Actor, NewAuditEntry
from hortus_server.domain.errors import ConflictError, ForbiddenError, NotFoundError, UnauthenticatedError
from hortus_server.domain.ids import InvitationId, TenantId, UserId
from hortus_server.domain.users import (
    ROLE_SCOPES,
    Authority,
    Invitation,
    LoginRules,
    Maker,
    Role,
    User,
    Visitor,
    check_password,
    plain_email,
)
from hortus_server.ports.clock import Clock, utc_now
from hortus_server.ports.passwords import Passwords
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.services.authenticate_login import AuthenticateLogin, token_digest
from hortus_server.services.create_once import Answer, Once, create_once
from hortus_server.services.demand_room import demand_room
from hortus_server.services.sign_in import CheckPassword
from hortus_server.services.start_login import IssuedLogin, StartLogin

GONE = "the link is not valid: used, expired or revoked; ask for another"


@dataclass(frozen=True, slots=True)
class IssuedLink:
    """A link, and the only copy of its secret."""

    invitation: Invitation
    secret: str


@dataclass(frozen=True, slots=True)
class OfferedLink:
    """The answer (without the secret, so that it may be stored) and the secret unless it is a repetition."""

    answer: Answer
    secret: str | None


@dataclass(frozen=True, slots=True)
class Into:
    """The tenant that a link is for, and that of its maker, which keeps the Idempotency-Key."""

    home: TenantId
    tenant_id: TenantId


@dataclass(frozen=True, slots=True)
class InviteUser:
    """Make and revoke links."""

    store: Store
    rules: LoginRules
    now: Clock = utc_now

    async def __call__(
        self, authority: Authority, into: Into, *, email: str, role: Role, once: Once[Invitation]
    ) -> OfferedLink:
        """A link into a tenant.

        Raises ForbiddenError for a role beyond the maker's own, ConflictError for somebody who is in already or where
        there is no room.
        """
        address = plain_email(email)
        authority.demand_cover(ROLE_SCOPES[role])
        return await self._once(
            into.home, once, lambda uow: self.within(uow, authority, into.tenant_id, email=address, role=role)
        )

    async def within(
        self, uow: UnitOfWork, authority: Authority, tenant_id: TenantId, *, email: str, role: Role
    ) -> IssuedLink:
        """The same, in a transaction of the system's that is under way; `email` is plain already."""
        known = await uow.users.find(email)
        if known and await uow.members.get(tenant_id, known[0].id):
            raise ConflictError(f"{email} belongs to this tenant already; change the role instead")
        return await self._issue(uow, authority, tenant_id, email=email, role=role)

    async def reset(
        self, authority: Authority, tenant_id: TenantId, user_id: UserId, *, once: Once[Invitation]
    ) -> OfferedLink:
        """A link to a new password.

        Raises NotFoundError, and ForbiddenError for a stronger user or for one who works in other tenants too, unless
        the maker runs the installation.
        """

        async def make(uow: UnitOfWork) -> IssuedLink:
            member = await uow.members.get(tenant_id, user_id)
            if member is None:
                raise NotFoundError("user", user_id)
            authority.demand_cover(ROLE_SCOPES[member.role])
            if member.tenants > 1 and not authority.operates:
                raise ForbiddenError(
                    "this user works in other tenants too: who runs the installation resets the password", scope="admin"
                )
            return await self._issue(uow, authority, tenant_id, email=member.user.email, role=member.role, reset=True)

        return await self._once(tenant_id, once, make)

    async def _once(
        self, home: TenantId, once: Once[Invitation], issue: Callable[[UnitOfWork], Awaitable[IssuedLink]]
    ) -> OfferedLink:
        issued: list[IssuedLink] = []

        async def make(uow: UnitOfWork) -> Invitation:
            issued.append(await issue(uow))
            return issued[-1].invitation

        answer = await create_once(self.store, home, once, make, as_system=True)
        return OfferedLink(answer, issued[-1].secret if issued else None)

    async def revoke(self, authority: Authority, tenant_id: TenantId, invitation_id: InvitationId) -> Invitation:
        """Raises NotFoundError when there is no such open link."""
        async with self.store.system_transaction() as uow:
            revoked = await uow.invitations.revoke(tenant_id, invitation_id)
            if revoked is None:
                raise NotFoundError("invitation", invitation_id)
            await uow.audit.append(_entry(authority.actor, "invitation.revoked", revoked))
        return revoked

    async def _issue(
        self, uow: UnitOfWork, authority: Authority, tenant_id: TenantId, *, email: str, role: Role, reset: bool = False
    ) -> IssuedLink:
        await demand_room(uow, tenant_id, "open links")
        secret = secrets.token_urlsafe(32)
        invitation = await uow.invitations.add(
            tenant_id,
            purpose="reset" if reset else "join",
            email=email,
            role=role,
            secret_sha256=token_digest(secret),
            maker=Maker(authority.actor.name, authority.user_id),
            expires_at=self.now() + (self.rules.reset if reset else self.rules.invitation),
        )
        action = "user.reset_issued" if reset else "user.invited"
        await uow.audit.append(_entry(authority.actor, action, invitation))
        return IssuedLink(invitation, secret)


@dataclass(frozen=True, slots=True)
class AcceptInvitation:
    """Use a link up."""

    store: Store
    check: CheckPassword
    passwords: Passwords
    start: StartLogin
    authenticate: AuthenticateLogin

    async def look(self, secret: str) -> tuple[Invitation, bool]:
        """What a link is for, and whether its address is a user already. Raises UnauthenticatedError."""
        async with self.store.system_transaction() as uow:
            invitation = await uow.invitations.find(token_digest(secret))
            if invitation is None:
                raise UnauthenticatedError(GONE)
            return invitation, await uow.users.find(invitation.email) is not None

    async def __call__(self, secret: str, *, name: str, password: str, visitor: Visitor) -> IssuedLogin:
        """Join with a new password, or with the one that the user has; or replace a forgotten one.

        Raises UnauthenticatedError for a link that is not valid or a user's wrong password, LimitExceededError,
        InvalidInputError for a bad new password.
        """
        invitation, is_known = await self.look(secret)
        is_new_password = invitation.purpose == "reset" or not is_known
        if is_new_password:
            check_password(password, email=invitation.email, name=name)
            hashed = await self.passwords.hash(password)
        else:
            await self.check(invitation.email, password, visitor=visitor)
            hashed = None
        async with self.store.system_transaction() as uow:
            held = await uow.invitations.find(token_digest(secret), lock=True)
            if held is None:
                raise UnauthenticatedError(GONE)
            await uow.invitations.use(held.id)
            user = await self._user(uow, held, name=name, hashed=hashed)
            issued = await self.start(uow, user, method="link", visitor=visitor, tenant_id=held.tenant_id)
        self.authenticate.forget(user.id)
        return issued

    async def _user(self, uow: UnitOfWork, held: Invitation, *, name: str, hashed: str | None) -> User:
        found = await uow.users.find(held.email)
        if held.purpose == "reset":
            if found is None or hashed is None:
                raise UnauthenticatedError(GONE)
            await uow.users.set_password(found[0].id, hashed)
            await uow.logins.end_all(found[0].id)
            await uow.audit.append(_entry(_as_actor(found[0]), "user.password_reset", held))
            return found[0]
        if found is None:
            user = await uow.users.add(held.email, name=name, password_hash=hashed)
        elif hashed is not None:
            raise ConflictError("this address became a user in the meantime; open the link again")
        else:
            user = found[0]
        await join(uow, user, held)
        return user


async def join(uow: UnitOfWork, user: User, invitation: Invitation) -> None:
    """Make the user a member as the invitation says; a role that the user has in the tenant already stays."""
    if await uow.members.get(invitation.tenant_id, user.id) is None:
        await demand_room(uow, invitation.tenant_id, "members")
        await uow.members.put(invitation.tenant_id, user.id, role=invitation.role)
    await uow.audit.append(_entry(_as_actor(user), "user.joined", invitation))


def _as_actor(user: User) -> Actor:
    return Actor("user", str(user.id), user.name)


def _entry(actor: Actor, action: str, invitation: Invitation) -> NewAuditEntry:
    detail = {"email": invitation.email, "role": invitation.role}
    return NewAuditEntry(invitation.tenant_id, actor, action, f"invitation:{invitation.id}", dict(detail))
