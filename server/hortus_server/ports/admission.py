"""What the choice of the next run needs of the store, and a tenant's share of the workers."""

from typing import Protocol

from hortus_server.domain.admission import QueueDepth, TenantAdmission, TenantLoad, WaitingTenant
from hortus_server.domain.ids import RunId, TenantId


class RunChoice(Protocol):
    """The worker's side, over all tenants."""

    async def waiting(self, *, after: TenantId, limit: int) -> tuple[WaitingTenant, ...]:
        """Tenants above `after` with a run ready and room for it, `limit` for each rank at most, by rank and id.

        The cost is that of the tenants, however long their queues are.
        """
        ...

    async def lock(self, waiting: WaitingTenant) -> None:
        """Take turns with other claims of a tenant with a limit, until the transaction ends."""
        ...

    async def oldest(self, waiting: WaitingTenant) -> RunId | None:
        """Its oldest run of that rank, locked for a claim; None when others were faster, or it is at its limit."""
        ...


class AdmissionRepository(RunChoice, Protocol):
    """Weights, limits and what they bound."""

    async def depth(self, tenant_id: TenantId, *, otherwise: int) -> QueueDepth:
        """How many runs wait, beside the tenant's own bound or `otherwise`; asked before one more is added.

        Near the bound whoever else asks waits until this transaction ends, so that the bound is exact.
        """
        ...

    async def get(self, tenant_id: TenantId) -> TenantAdmission:
        """What is set; defaults where nothing was."""
        ...

    async def set(self, tenant_id: TenantId, admission: TenantAdmission) -> None:
        """Replace it all."""
        ...

    async def load(self, tenant_id: TenantId, *, at_most: int) -> TenantLoad:
        """How many runs run and wait, each counted up to `at_most`."""
        ...

    async def ready(self, tenant_id: TenantId, *, limit: int) -> tuple[RunId, ...]:
        """Queued runs that a wake-up could be sent for, oldest first."""
        ...
