"""Begin, move and end logins; a login's token is shown to its browser once and never stored."""

import secrets
from dataclasses import dataclass

from hortus_server.domain.errors import NotFoundError, UnauthenticatedError
from hortus_server.domain.ids import LoginId, TenantId
from hortus_server.domain.users import LiveLogin, LoginMethod, LoginRules, Place, User, Visitor
from hortus_server.ports.clock import Clock, utc_now
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.services.authenticate_login import TOKEN_MARK, AuthenticateLogin, token_digest

LONGEST_DEVICE = 200
PURGED = 20  # ended logins that go with each new one


@dataclass(frozen=True, slots=True)
class IssuedLogin:
    """A login, and the only copy of its token."""

    live: LiveLogin
    token: str


def new_token() -> str:
    """What a login's cookie holds."""
    return TOKEN_MARK + secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class StartLogin:
    """The one way by which a person gets a login, however they proved who they are."""

    rules: LoginRules
    now: Clock = utc_now

    async def __call__(
        self, uow: UnitOfWork, user: User, *, method: LoginMethod, visitor: Visitor, tenant_id: TenantId | None = None
    ) -> IssuedLogin:
        """In the given tenant, else in the first by name. Raises UnauthenticatedError where none lets the user in."""
        places = await uow.members.places(user.id)
        place = next((one for one in places if tenant_id in {None, one.tenant_id}), None)
        if place is None or user.disabled_at is not None:
            raise UnauthenticatedError("this user is kept out; ask an owner of the tenant")
        await uow.logins.purge(limit=PURGED)
        token = new_token()
        login = await uow.logins.add(
            user.id,
            place.tenant_id,
            secret_sha256=token_digest(token),
            method=method,
            visitor=Visitor(visitor.device[:LONGEST_DEVICE], visitor.address),
            expires_at=self.now() + self.rules.absolute,
        )
        live = LiveLogin(login, user.email, user.name, place.role, place.operates)
        await uow.audit.append(live.entry("login.started", method=method, address=visitor.address))
        return IssuedLogin(live, token)


@dataclass(frozen=True, slots=True)
class ChangeLogins:
    """What users do with their own logins."""

    store: Store
    authenticate: AuthenticateLogin

    async def places(self, live: LiveLogin) -> tuple[Place, ...]:
        """Tenants that the user may work in."""
        async with self.store.system_transaction() as uow:
            return await uow.members.places(live.login.user_id)

    async def move(self, live: LiveLogin, tenant_id: TenantId) -> IssuedLogin:
        """Work in another of the user's tenants, under another token. Raises NotFoundError."""
        token = new_token()
        async with self.store.system_transaction() as uow:
            places = await uow.members.places(live.login.user_id)
            place = next((one for one in places if one.tenant_id == tenant_id), None)
            moved = await uow.logins.move(live.login.id, tenant_id, secret_sha256=token_digest(token))
            if place is None or moved is None:
                raise NotFoundError("tenant", tenant_id)
            there = LiveLogin(moved, live.email, live.name, place.role, place.operates)
            await uow.audit.append(there.entry("login.moved", came_from=str(live.login.tenant_id)))
        self.authenticate.forget(live.login.user_id)
        return IssuedLogin(there, token)

    async def end(self, live: LiveLogin, login_id: LoginId) -> None:
        """Raises NotFoundError for a login that is not the user's."""
        async with self.store.system_transaction() as uow:
            if not await uow.logins.end(live.login.user_id, login_id):
                raise NotFoundError("login", login_id)
            await uow.audit.append(live.entry("login.ended", login=str(login_id)))
        self.authenticate.forget(live.login.user_id)

    async def end_all(self, live: LiveLogin, *, spare_this: bool) -> int:
        """Sign out everywhere, or everywhere else; how many logins there were."""
        spare = live.login.id if spare_this else None
        async with self.store.system_transaction() as uow:
            count = await uow.logins.end_all(live.login.user_id, spare=spare)
            await uow.audit.append(live.entry("login.ended", logins=count))
        self.authenticate.forget(live.login.user_id)
        return count
