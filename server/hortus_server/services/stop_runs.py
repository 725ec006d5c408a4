"""Stops over many runs: cancel or pause all of an agent or tenant; freeze all side effects; lift what was placed."""

from dataclasses import dataclass

from hortus_agents.events import Event
from hortus_server.domain.errors import NotFoundError
from hortus_server.domain.ids import AgentId, RunId, TenantId
from hortus_server.domain.records import Run
from hortus_server.domain.stops import OrderKind, Reach, StopOrder
from hortus_server.ports.store import Store
from hortus_server.services.cancel_run import CancelledRun, CancelRun
from hortus_server.services.wake_waiting import WakeWaiting

BATCH = 50  # runs per transaction


@dataclass(frozen=True, slots=True)
class StopRuns:
    """One statement stops them all at once; whatever is left to write for each run comes after it."""

    store: Store
    cancel_run: CancelRun
    waking: WakeWaiting

    async def cancel_all(self, tenant_id: TenantId, *, agent_id: AgentId | None, reason: str) -> int:
        """Cancel every unfinished run of the tenant, or of one agent; how many.

        Once the first transaction is committed none of them does anything more. Those that no worker holds end here;
        where this process dies meanwhile, workers end the rest.
        """
        async with self.store.transaction() as uow:
            marked = await uow.run_stops.request_cancel_all(tenant_id, agent_id=agent_id, reason=reason)
        for start in range(0, len(marked), BATCH):
            for cancelled in await self._cancel(tenant_id, marked[start : start + BATCH], reason=reason):
                await self.cancel_run.announce(cancelled)
        return len(marked)

    async def _cancel(self, tenant_id: TenantId, run_ids: tuple[RunId, ...], *, reason: str) -> list[CancelledRun]:
        async with self.store.transaction() as uow:
            return [await self.cancel_run.cancel(uow, tenant_id, run_id, reason=reason) for run_id in run_ids]

    async def place(
        self, tenant_id: TenantId, reach: Reach, kind: OrderKind, *, reason: str, placed_by: str
    ) -> StopOrder:
        """Put a stop in force until it is lifted; one that is in force already stays as it is."""
        async with self.store.transaction() as uow:
            return await uow.stop_orders.place(tenant_id, reach, kind, reason=reason, placed_by=placed_by)

    async def lift(self, tenant_id: TenantId, reach: Reach, kind: OrderKind, *, lifted_by: str) -> StopOrder:
        """Lift a stop. What had not begun starts by itself; what a pause had stopped goes on.

        What a freeze had stopped waits for a resume of its own: somebody has to look at each side effect anew.
        Raises NotFoundError when this tenant has no such order in force.
        """
        async with self.store.transaction() as uow:
            order = await uow.stop_orders.lift(tenant_id, reach, kind, lifted_by=lifted_by)
        if order is None:
            raise NotFoundError(kind, reach.scope)
        if kind == "pause":
            while await self._resume_batch(tenant_id, order, lifted_by):
                pass
        return order

    async def _resume_batch(self, tenant_id: TenantId, order: StopOrder, by: str) -> int:
        woken: list[tuple[Run, tuple[Event, ...]]] = []
        async with self.store.transaction() as uow:
            for run_id in await uow.stop_orders.parked_under(tenant_id, order.id, limit=BATCH):
                run = await uow.run_stops.lock(tenant_id, run_id)
                if run.waiting_for is not None and run.waiting_for.ref_id == order.id:
                    reason = f"the pause over the {order.scope} was lifted"
                    woken.append((run, await self.waking.wake(uow, run, reason=reason, by=by)))
        for run, events in woken:
            await self.waking.announce(run, events)
        return len(woken)

    async def in_force(self, reach: Reach) -> tuple[StopOrder, ...]:
        """Orders over exactly this."""
        async with self.store.transaction() as uow:
            return await uow.stop_orders.in_force([reach.subject_id])
