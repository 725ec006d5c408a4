"""A tenant's members: their roles, keeping them out, taking them off. A tenant with owners keeps one."""

from dataclasses import dataclass

from hortus_server.domain.audit import NewAuditEntry
from hortus_server.domain.errors import ConflictError, NotFoundError
from hortus_server.domain.ids import TenantId, UserId
from hortus_server.domain.users import ROLE_SCOPES, Authority, Member, Role
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.services.authenticate_login import AuthenticateLogin


@dataclass(frozen=True, slots=True)
class ChangeUser:
    """Nobody changes somebody stronger, or makes anybody stronger than themselves."""

    store: Store
    authenticate: AuthenticateLogin

    async def __call__(
        self, authority: Authority, tenant_id: TenantId, user_id: UserId, *, role: Role | None, disabled: bool | None
    ) -> Member:
        """Raises NotFoundError, ForbiddenError, ConflictError for the last owner."""
        async with self.store.system_transaction() as uow:
            member = await self._held(uow, authority, tenant_id, user_id)
            if role is not None and role != member.role:
                authority.demand_cover(ROLE_SCOPES[role])
                await self._spare_owner(uow, member)
                await uow.members.put(tenant_id, user_id, role=role)
                if member.disabled_at is not None:
                    await uow.members.set_disabled(tenant_id, user_id, disabled=True)
                await self._note(uow, authority, member, "user.role_changed", before=member.role, after=role)
            if disabled is not None and disabled != (member.disabled_at is not None):
                if disabled:
                    await self._spare_owner(uow, member)
                    await uow.logins.end_all(user_id, tenant_id=tenant_id)
                await uow.members.set_disabled(tenant_id, user_id, disabled=disabled)
                await self._note(uow, authority, member, "user.disabled" if disabled else "user.enabled")
            changed = await self._held(uow, authority, tenant_id, user_id)
        self.authenticate.forget(user_id)
        return changed

    async def remove(self, authority: Authority, tenant_id: TenantId, user_id: UserId) -> None:
        """Out of this tenant, with the logins in it. Raises as above."""
        async with self.store.system_transaction() as uow:
            member = await self._held(uow, authority, tenant_id, user_id)
            await self._spare_owner(uow, member)
            await uow.members.remove(tenant_id, user_id)
            await self._note(uow, authority, member, "user.removed")
        self.authenticate.forget(user_id)

    async def sign_out(self, authority: Authority, tenant_id: TenantId, user_id: UserId) -> int:
        """End a member's logins in this tenant; how many there were. Raises NotFoundError, ForbiddenError."""
        async with self.store.system_transaction() as uow:
            member = await self._held(uow, authority, tenant_id, user_id)
            count = await uow.logins.end_all(user_id, tenant_id=tenant_id)
            await self._note(uow, authority, member, "user.signed_out", logins=str(count))
        self.authenticate.forget(user_id)
        return count

    async def _held(self, uow: UnitOfWork, authority: Authority, tenant_id: TenantId, user_id: UserId) -> Member:
        member = await uow.members.get(tenant_id, user_id)
        if member is None:
            raise NotFoundError("user", user_id)
        authority.demand_cover(ROLE_SCOPES[member.role])
        return member

    async def _spare_owner(self, uow: UnitOfWork, member: Member) -> None:
        if member.role != "owner" or member.disabled_at is not None:
            return
        if await uow.members.count_owners(member.tenant_id, except_user=member.user.id) == 0:
            raise ConflictError("the last owner stays: make somebody else an owner first")

    async def _note(self, uow: UnitOfWork, authority: Authority, member: Member, action: str, **detail: str) -> None:
        about = {"email": member.user.email, **detail}
        subject = f"user:{member.user.id}"
        await uow.audit.append(NewAuditEntry(member.tenant_id, authority.actor, action, subject, dict(about)))
