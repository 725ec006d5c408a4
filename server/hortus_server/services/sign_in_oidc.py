"""Sign in with the identity provider: authorization code with PKCE, and who is let in the first time."""

import secrets
from dataclasses import dataclass

from hortus_server.domain.audit import Actor, NewAuditEntry
from hortus_server.domain.errors import UnauthenticatedError
from hortus_server.domain.ids import TenantId
from hortus_server.domain.users import OidcIdentity, OidcRules, User, Visitor, plain_email
from hortus_server.ports.identity_provider import IdentityProvider, OidcAttempt
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.services.invite_user import join
from hortus_server.services.start_login import IssuedLogin, StartLogin


@dataclass(frozen=True, slots=True)
class SignInOidc:
    """The provider's subject is the user; the address counts once, when a user is first bound to a subject.

    A password from before, and the logins, end then: who made them never proved that the address is theirs.
    """

    store: Store
    provider: IdentityProvider
    rules: OidcRules
    start: StartLogin

    async def begin(self, *, redirect_uri: str) -> tuple[OidcAttempt, str]:
        """An attempt to keep with the browser, and where to send it. Raises UnavailableError."""
        attempt = OidcAttempt(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48))
        return attempt, await self.provider.address(attempt, redirect_uri=redirect_uri)

    async def finish(self, code: str, attempt: OidcAttempt, *, redirect_uri: str, visitor: Visitor) -> IssuedLogin:
        """A login for who comes back.

        Raises UnauthenticatedError for an answer that is not valid or somebody who is not let in, UnavailableError.
        """
        identity = await self.provider.identify(code, attempt, redirect_uri=redirect_uri)
        async with self.store.system_transaction() as uow:
            user = await uow.users.find_oidc(identity.issuer, identity.subject) or await self._first(uow, identity)
            for invitation in await uow.invitations.open_for(user.email) if _speaks_for(identity, user) else ():
                await uow.invitations.use(invitation.id)
                await join(uow, user, invitation)
            return await self.start(uow, user, method="oidc", visitor=visitor)

    async def _first(self, uow: UnitOfWork, identity: OidcIdentity) -> User:
        if not identity.email_verified:
            raise UnauthenticatedError("the identity provider has not verified this person's address")
        email = plain_email(identity.email)
        found = await uow.users.find(email)
        role = self.rules.role_of(identity)
        if found is None and role is None and not await uow.invitations.open_for(email):
            raise UnauthenticatedError(f"nobody has invited {email}; ask an owner of your tenant")
        user = found[0] if found else await uow.users.add(email, name=identity.name or email, password_hash=None)
        if not await uow.users.bind_oidc(user.id, identity):
            raise UnauthenticatedError("this address belongs to somebody else at the identity provider")
        if found and user.has_password:
            # Until now the address was only said: whoever made the password may be somebody else.
            await uow.users.set_password(user.id, None)
            await uow.logins.end_all(user.id)
        if found is None and role is not None:
            tenant = await self._tenant(uow)
            await uow.members.put(tenant, user.id, role=role)
            actor = Actor("user", str(user.id), user.name)
            detail = {"email": email, "role": role, "issuer": identity.issuer}
            await uow.audit.append(NewAuditEntry(tenant, actor, "user.joined", f"user:{user.id}", dict(detail)))
        return user

    async def _tenant(self, uow: UnitOfWork) -> TenantId:
        wanted = self.rules.tenant
        found = [tenant for tenant, _, _ in await uow.directory.list() if wanted in {tenant.name, None}]
        tenant = next((one for one in found if one.name == wanted or one.operates), None)
        if tenant is None:
            raise UnauthenticatedError("the tenant for new users does not exist; tell who runs this installation")
        return tenant.id


def _speaks_for(identity: OidcIdentity, user: User) -> bool:
    return identity.email_verified and identity.email.strip().lower() == user.email
