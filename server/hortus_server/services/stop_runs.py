"""Stops over many runs: cancel or pause all of an agent or tenant; freeze all side effects; lift what was placed."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from hortus_agents.events import Event
from hortus_server.domain.audit import SYSTEM, Actor, NewAuditEntry
from hortus_server.domain.errors import NotFoundError
from hortus_server.domain.ids import AgentId, RunId, TenantId
from hortus_server.domain.records import Run
from hortus_server.domain.stops import OrderKind, Reach, StopOrder
from hortus_server.ports.stops import FIRST_RUN
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.services.cancel_run import CancelledRun, CancelRun
from hortus_server.services.record_audit import record_audit
from hortus_server.services.wake_waiting import WakeWaiting

MARKED = 500  # runs asked to end in a transaction
BATCH = 50  # runs ended in a transaction


@dataclass(frozen=True, slots=True)
class StopRuns:
    """Rows that say so stop them all; whatever is left to write for each run comes after that."""

    store: Store
    cancel_run: CancelRun
    waking: WakeWaiting

    async def cancel_all(
        self, tenant_id: TenantId, *, agent_id: AgentId | None, reason: str, actor: Actor = SYSTEM
    ) -> int:
        """Cancel every unfinished run of the tenant, or of one agent; how many.

        They are marked first, the oldest first and `MARKED` in a transaction; what is marked does nothing more. Those
        that no worker holds end here; where this process dies meanwhile, workers end the rest.
        """
        marked: list[RunId] = []
        subject = f"agent:{agent_id}" if agent_id else f"tenant:{tenant_id}"
        # First of all: what was asked for stands in the log, however far it gets.
        entry = NewAuditEntry(tenant_id, actor, "runs.cancelled", subject, {"reason": reason})
        await record_audit(self.store, entry)
        after: RunId | None = FIRST_RUN
        while after is not None:
            async with self.store.transaction(tenant_id) as uow:
                page = await uow.run_stops.request_cancel_all(
                    tenant_id, agent_id=agent_id, reason=reason, after=after, limit=MARKED
                )
            marked += page.run_ids
            after = page.looked_to
        for start in range(0, len(marked), BATCH):
            for cancelled in await self._cancel(tenant_id, marked[start : start + BATCH], reason=reason):
                await self.cancel_run.announce(cancelled)
        return len(marked)

    async def _cancel(self, tenant_id: TenantId, run_ids: Sequence[RunId], *, reason: str) -> list[CancelledRun]:
        async with self.store.transaction(tenant_id) as uow:
            # All of them before the first end locks their tenant's usage, which workers lock behind a run's row.
            for run_id in run_ids:
                await uow.run_stops.lock(tenant_id, run_id)
            return [await self.cancel_run.cancel(uow, tenant_id, run_id, reason=reason) for run_id in run_ids]

    async def place(
        self, tenant_id: TenantId, reach: Reach, kind: OrderKind, *, reason: str, placed_by: str, actor: Actor = SYSTEM
    ) -> StopOrder:
        """Put a stop in force until it is lifted; one that is in force already stays as it is."""
        async with self._reaching(tenant_id, reach) as uow:
            order = await uow.stop_orders.place(tenant_id, reach, kind, reason=reason, placed_by=placed_by)
            await uow.audit.append(_entry(tenant_id, actor, "stop.placed", order))
            return order

    async def lift(
        self, tenant_id: TenantId, reach: Reach, kind: OrderKind, *, lifted_by: str, actor: Actor = SYSTEM
    ) -> StopOrder:
        """Lift a stop. What had not begun starts by itself; what a pause had stopped goes on.

        What a freeze had stopped waits for a resume of its own: somebody has to look at each side effect anew.
        Raises NotFoundError when this tenant has no such order in force.
        """
        async with self._reaching(tenant_id, reach) as uow:
            order = await uow.stop_orders.lift(tenant_id, reach, kind, lifted_by=lifted_by)
            if order is None:
                raise NotFoundError(kind, reach.scope)
            await uow.audit.append(_entry(tenant_id, actor, "stop.lifted", order))
        if kind == "pause":
            while await self._resume_batch(tenant_id, order, lifted_by):
                pass
        return order

    async def _resume_batch(self, tenant_id: TenantId, order: StopOrder, by: str) -> int:
        woken: list[tuple[Run, tuple[Event, ...]]] = []
        async with self.store.transaction(tenant_id) as uow:
            for run_id in await uow.stop_orders.parked_under(tenant_id, order.id, limit=BATCH):
                run = await uow.run_stops.lock(tenant_id, run_id)
                if run.waiting_for is not None and run.waiting_for.ref_id == order.id:
                    reason = f"the pause over the {order.scope} was lifted"
                    woken.append((run, await self.waking.wake(uow, run, reason=reason, by=by)))
        for run, events in woken:
            await self.waking.announce(run, events)
        return len(woken)

    async def in_force(self, tenant_id: TenantId, reach: Reach) -> tuple[StopOrder, ...]:
        """Orders over exactly this, as far as they concern the tenant."""
        async with self.store.transaction(tenant_id) as uow:
            return await uow.stop_orders.in_force([reach.subject_id])

    def _reaching(self, tenant_id: TenantId, reach: Reach) -> AbstractAsyncContextManager[UnitOfWork]:
        """What stops all tenants is one order, whoever placed it; any other is the tenant's own."""
        return self.store.system_transaction() if reach.scope == "all" else self.store.transaction(tenant_id)


def _entry(tenant_id: TenantId, actor: Actor, action: str, order: StopOrder) -> NewAuditEntry:
    detail = {"kind": order.kind, "scope": order.scope, "reason": order.reason, "order_id": str(order.id)}
    return NewAuditEntry(tenant_id, actor, action, f"{order.scope}:{order.subject_id}", detail)
