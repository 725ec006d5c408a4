"""Set a tenant's share of the workers and its limits."""

from dataclasses import asdict, dataclass

from hortus_server.domain.admission import TenantAdmission, TenantLoad
from hortus_server.domain.audit import SYSTEM, Actor, NewAuditEntry
from hortus_server.domain.ids import TenantId
from hortus_server.ports.queue import WakeupQueue
from hortus_server.ports.store import Store

COUNTED = 10_000
WOKEN = 100  # runs told of places that a higher limit makes; the reaper tells the rest


@dataclass(frozen=True, slots=True)
class ChangeAdmission:
    """The new values hold for the next claim and the next submission; what runs already goes on."""

    store: Store
    queue: WakeupQueue

    async def __call__(self, tenant_id: TenantId, admission: TenantAdmission, *, actor: Actor = SYSTEM) -> TenantLoad:
        """Replace it all; the tenant's load, counted up to `COUNTED`."""
        async with self.store.transaction(tenant_id) as uow:
            await uow.admission.set(tenant_id, admission)
            entry = NewAuditEntry(tenant_id, actor, "admission.changed", f"tenant:{tenant_id}", asdict(admission))
            await uow.audit.append(entry)
            ready = await uow.admission.ready(tenant_id, limit=WOKEN)
            load = await uow.admission.load(tenant_id, at_most=COUNTED)
        room = WOKEN if admission.max_concurrent_runs is None else admission.max_concurrent_runs - load.running
        for run_id in ready[: max(room, 0)]:
            await self.queue.wake_run(run_id)
        return load
