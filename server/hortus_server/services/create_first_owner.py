"""Set-up: the first user of an installation, made with the key that was printed at the first start."""

from dataclasses import dataclass

from hortus_server.domain.audit import NewAuditEntry
from hortus_server.domain.errors import ConflictError
from hortus_server.domain.ids import TenantId
from hortus_server.domain.users import Authority, Visitor, check_password, plain_email
from hortus_server.ports.passwords import Passwords
from hortus_server.ports.store import Store
from hortus_server.services.start_login import IssuedLogin, StartLogin


@dataclass(frozen=True, slots=True)
class NewPerson:
    """Who somebody says that they are."""

    email: str
    name: str
    password: str


@dataclass(frozen=True, slots=True)
class CreateFirstOwner:
    """Once; everybody after that is invited."""

    store: Store
    passwords: Passwords
    start: StartLogin

    async def __call__(
        self, authority: Authority, tenant_id: TenantId, person: NewPerson, *, visitor: Visitor
    ) -> IssuedLogin:
        """An owner of the caller's tenant, signed in. Raises ConflictError with any user, InvalidInputError."""
        email = plain_email(person.email)
        check_password(person.password, email=email, name=person.name)
        async with self.store.system_transaction() as uow:
            if await uow.users.any_exists():
                raise ConflictError("there are users already: ask an owner for an invitation")
        hashed = await self.passwords.hash(person.password)
        async with self.store.system_transaction() as uow:
            if await uow.users.any_exists(lock=True):
                raise ConflictError("there are users already: ask an owner for an invitation")
            user = await uow.users.add(email, name=person.name, password_hash=hashed)
            await uow.members.put(tenant_id, user.id, role="owner")
            detail = {"email": email, "role": "owner"}
            entry = NewAuditEntry(tenant_id, authority.actor, "user.created", f"user:{user.id}", dict(detail))
            await uow.audit.append(entry)
            return await self.start(uow, user, method="password", visitor=visitor, tenant_id=tenant_id)
