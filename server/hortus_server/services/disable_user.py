"""Keep a user out of the whole installation, or let it in again: for those who run it."""

from dataclasses import dataclass

from hortus_server.domain.audit import NewAuditEntry
from hortus_server.domain.errors import ConflictError, NotFoundError
from hortus_server.domain.ids import TenantId, UserId
from hortus_server.domain.users import Authority, Person
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.services.authenticate_key import AuthenticateKey
from hortus_server.services.authenticate_login import AuthenticateLogin
from hortus_server.services.issue_key import key_entry


@dataclass(frozen=True, slots=True)
class DisableUser:
    """All logins of the user end, its open links and the keys that it made, in every tenant; nothing is deleted.

    At once in this process, within five seconds in others. Who is let in again signs in anew and makes new keys.
    """

    store: Store
    authenticate: AuthenticateKey
    authenticate_login: AuthenticateLogin

    async def __call__(self, authority: Authority, home: TenantId, user_id: UserId, *, disabled: bool) -> Person:
        """`home` is the tenant of who does it.

        Raises NotFoundError, and ConflictError for oneself and for the last owner of a tenant.
        """
        if disabled and authority.user_id == user_id:
            raise ConflictError("nobody keeps themselves out: somebody else who runs the installation does")
        async with self.store.system_transaction() as uow:
            person = await uow.everyone.get(user_id)
            if person is None:
                raise NotFoundError("user", user_id)
            if disabled != (person.user.disabled_at is not None):
                if disabled:
                    await self._spare_owner(uow, person)
                await uow.users.set_disabled(user_id, disabled=disabled)
                await self._end(uow, authority, home, person, disabled=disabled)
            changed = await uow.everyone.get(user_id) or person
        self.authenticate_login.forget(user_id)
        self.authenticate.forget_person(user_id)
        return changed

    async def _spare_owner(self, uow: UnitOfWork, person: Person) -> None:
        alone = await uow.everyone.owned_alone(person.user.id)
        if alone:
            raise ConflictError(f"the last owner stays: make somebody else an owner of {', '.join(alone)} first")

    async def _end(
        self, uow: UnitOfWork, authority: Authority, home: TenantId, person: Person, *, disabled: bool
    ) -> None:
        """A login that began meanwhile ends with letting in again: it was never seen."""
        logins = await uow.logins.end_all(person.user.id)
        keys = await uow.everyone.end_keys(person.user.id)
        links = await uow.everyone.end_links(person.user.id) if disabled else 0
        action = "user.disabled_everywhere" if disabled else "user.enabled_everywhere"
        about = {"email": person.user.email, "logins": logins, "keys": len(keys), "links": links}
        for tenant_id in sorted({home, *await uow.everyone.tenants(person.user.id)}):
            detail = about if tenant_id == home else {"email": person.user.email}
            entry = NewAuditEntry(tenant_id, authority.actor, action, f"user:{person.user.id}", dict(detail))
            await uow.audit.append(entry)
        for key in keys:
            await uow.audit.append(key_entry(authority, key, "key.revoked"))
