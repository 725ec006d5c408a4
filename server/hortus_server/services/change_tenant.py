"""Tenants, by those who run the installation: make, rename, disable. What was done stands in their own audit log."""

from dataclasses import dataclass

from hortus_server.domain.audit import NewAuditEntry
from hortus_server.domain.errors import ConflictError, NotFoundError
from hortus_server.domain.ids import TenantId
from hortus_server.domain.keys import Tenant
from hortus_server.domain.stops import Reach
from hortus_server.domain.users import Authority, plain_email
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.services.authenticate_key import AuthenticateKey
from hortus_server.services.authenticate_login import AuthenticateLogin
from hortus_server.services.create_once import Once, create_once
from hortus_server.services.demand_room import demand_room
from hortus_server.services.invite_user import InviteUser, OfferedLink
from hortus_server.services.stop_runs import StopRuns

WHY_PAUSED = "the tenant is disabled"


@dataclass(frozen=True, slots=True)
class TenantChange:
    """What is to be different; None leaves it."""

    name: str | None = None
    disabled: bool | None = None


@dataclass(frozen=True, slots=True)
class ChangeTenant:
    """A disabled tenant lets nobody in, neither by login nor by key, and its runs are paused; nothing is deleted."""

    store: Store
    authenticate: AuthenticateKey
    authenticate_login: AuthenticateLogin
    stop_runs: StopRuns
    invite_user: InviteUser

    async def create(
        self, authority: Authority, home: TenantId, *, name: str, owner: str | None, once: Once[Tenant]
    ) -> OfferedLink:
        """`home` is the caller's tenant; with the address of an `owner` there is a link for it.

        Raises ConflictError when the name is taken or there is no room, InvalidInputError for what is no address.
        """
        email = None if owner is None else plain_email(owner)
        issued: list[str] = []

        async def make(uow: UnitOfWork) -> Tenant:
            await demand_room(uow, home, "tenants")
            tenant = await uow.directory.add(name)
            await _note(uow, authority, home, tenant, "tenant.created")
            if email is not None:
                link = await self.invite_user.within(uow, authority, tenant.id, email=email, role="owner")
                issued.append(link.secret)
            return tenant

        answer = await create_once(self.store, home, once, make, as_system=True)
        return OfferedLink(answer, issued[-1] if issued else None)

    async def __call__(
        self, authority: Authority, home: TenantId, tenant_id: TenantId, *, change: TenantChange
    ) -> Tenant:
        """Raises NotFoundError, ConflictError for a name that is taken and for disabling the operating tenant."""
        async with self.store.system_transaction() as uow:
            tenant = before = await uow.directory.get(tenant_id)
            if tenant is None or before is None:
                raise NotFoundError("tenant", tenant_id)
            if change.disabled and tenant.operates:
                raise ConflictError("this tenant operates the installation and stays")
            if change.name is not None and change.name != tenant.name:
                tenant = await uow.directory.rename(tenant_id, change.name) or tenant
                await _note(uow, authority, home, tenant, "tenant.renamed", before=before.name)
            if change.disabled is not None and change.disabled != (before.disabled_at is not None):
                tenant = await uow.directory.set_disabled(tenant_id, disabled=change.disabled) or tenant
                await _note(uow, authority, home, tenant, "tenant.disabled" if change.disabled else "tenant.enabled")
        self.authenticate.forget_tenant(tenant_id)
        self.authenticate_login.forget_all()
        if change.disabled is not None:
            await self._pause(tenant, authority)
        return tenant

    async def _pause(self, tenant: Tenant, authority: Authority) -> None:
        reach, by = Reach.of_tenant(tenant.id), authority.actor.name
        if tenant.disabled_at is not None:
            await self.stop_runs.place(
                tenant.id, reach, "pause", reason=WHY_PAUSED, placed_by=by, actor=authority.actor
            )
            return
        orders = await self.stop_runs.in_force(tenant.id, reach)
        # A pause that the tenant had placed itself stays.
        if any(order.kind == "pause" and order.reason == WHY_PAUSED for order in orders):
            await self.stop_runs.lift(tenant.id, reach, "pause", lifted_by=by, actor=authority.actor)


async def _note(
    uow: UnitOfWork, authority: Authority, home: TenantId, tenant: Tenant, action: str, **detail: str
) -> None:
    about = {"name": tenant.name, **detail}
    await uow.audit.append(NewAuditEntry(home, authority.actor, action, f"tenant:{tenant.id}", dict(about)))
