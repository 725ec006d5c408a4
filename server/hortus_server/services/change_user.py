"""A tenant's members: their roles, keeping them out, taking them off. A tenant with owners keeps one."""

from collections.abc import Collection
from dataclasses import dataclass

from hortus_server.domain.audit import NewAuditEntry
from hortus_server.domain.errors import ConflictError, NotFoundError
from hortus_server.domain.ids import TenantId, UserId
from hortus_server.domain.keys import Scope
from hortus_server.domain.users import ROLE_SCOPES, Authority, Member, Role
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.services.authenticate_key import AuthenticateKey
from hortus_server.services.authenticate_login import AuthenticateLogin
from hortus_server.services.issue_key import key_entry


@dataclass(frozen=True, slots=True)
class ChangeUser:
    """Nobody changes somebody stronger, or makes anybody stronger than themselves.

    What a member has made may no more than the member: keys and open links beyond the new role end with the old one.
    """

    store: Store
    authenticate: AuthenticateLogin
    authenticate_key: AuthenticateKey

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
                await self._end_beyond(uow, authority, member, ROLE_SCOPES[role])
            if disabled is not None and disabled != (member.disabled_at is not None):
                if disabled:
                    await self._spare_owner(uow, member)
                    await uow.logins.end_all(user_id, tenant_id=tenant_id)
                    await self._end_beyond(uow, authority, member, None)
                await uow.members.set_disabled(tenant_id, user_id, disabled=disabled)
                await self._note(uow, authority, member, "user.disabled" if disabled else "user.enabled")
            changed = await self._held(uow, authority, tenant_id, user_id)
        self._forget(user_id)
        return changed

    async def remove(self, authority: Authority, tenant_id: TenantId, user_id: UserId) -> None:
        """Out of this tenant, with the logins in it and the keys and open links of its making. Raises as above."""
        async with self.store.system_transaction() as uow:
            member = await self._held(uow, authority, tenant_id, user_id)
            await self._spare_owner(uow, member)
            await uow.members.remove(tenant_id, user_id)
            await self._note(uow, authority, member, "user.removed")
            await self._end_beyond(uow, authority, member, None)
        self._forget(user_id)

    async def sign_out(self, authority: Authority, tenant_id: TenantId, user_id: UserId) -> int:
        """End a member's logins in this tenant; how many there were. Raises NotFoundError, ForbiddenError."""
        async with self.store.system_transaction() as uow:
            member = await self._held(uow, authority, tenant_id, user_id)
            count = await uow.logins.end_all(user_id, tenant_id=tenant_id)
            await self._note(uow, authority, member, "user.signed_out", logins=str(count))
        self._forget(user_id)
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

    async def _end_beyond(
        self, uow: UnitOfWork, authority: Authority, member: Member, scopes: Collection[Scope] | None
    ) -> None:
        if scopes is not None and "admin" in scopes:
            return
        if scopes is None or "users:write" not in scopes:
            await uow.everyone.end_links(member.user.id, made_in=member.tenant_id)
        for key in await uow.everyone.end_keys(member.user.id, tenant_id=member.tenant_id, kept=scopes):
            await uow.audit.append(key_entry(authority, key, "key.revoked"))

    def _forget(self, user_id: UserId) -> None:
        self.authenticate.forget(user_id)
        self.authenticate_key.forget_person(user_id)

    async def _note(self, uow: UnitOfWork, authority: Authority, member: Member, action: str, **detail: str) -> None:
        about = {"email": member.user.email, **detail}
        subject = f"user:{member.user.id}"
        await uow.audit.append(NewAuditEntry(member.tenant_id, authority.actor, action, subject, dict(about)))
