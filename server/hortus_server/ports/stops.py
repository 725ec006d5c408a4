"""What services need to stop runs from outside, and to let them go on. All of it is rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from hortus_agents.events import WaitReason
from hortus_agents.labels import Label
from hortus_server.domain.ids import AgentId, RunId, TenantId
from hortus_server.domain.records import LeaseSignal, Run
from hortus_server.domain.stops import OrderKind, Reach, StopOrder

FIRST_RUN: Final = RunId(UUID(int=0))  # before every run


class StopOrders(Protocol):
    """Stops over agents, tenants, and everything."""

    async def place(
        self, tenant_id: TenantId, reach: Reach, kind: OrderKind, *, reason: str, placed_by: str
    ) -> StopOrder:
        """The order in force; one that stands already stays as it is. Raises NotFoundError for another's agent."""
        ...

    async def lift(self, tenant_id: TenantId, reach: Reach, kind: OrderKind, *, lifted_by: str) -> StopOrder | None:
        """End an order that this tenant placed; None when there is none."""
        ...

    async def in_force(self, subjects: Sequence[UUID]) -> tuple[StopOrder, ...]:
        """Orders over any of these subjects; pauses first."""
        ...

    async def over_tenant(self, tenant_id: TenantId, *, limit: int) -> tuple[StopOrder, ...]:
        """Orders in force that stop any run of the tenant, the latest first: its own, and those over all."""
        ...

    async def lifted(self, tenant_id: TenantId, *, limit: int) -> tuple[StopOrder, ...]:
        """Orders that the tenant placed and that were lifted, the last placed first."""
        ...

    async def parked_under(self, tenant_id: TenantId, order_id: UUID, *, limit: int) -> tuple[RunId, ...]:
        """Runs of the tenant that wait because of an order."""
        ...


@dataclass(frozen=True, slots=True)
class MarkedRuns:
    """Runs that were asked to end, oldest first, and the last run looked at; None where there was none to look at."""

    run_ids: tuple[RunId, ...]
    looked_to: RunId | None


class RunStops(Protocol):
    """One run, or all of an agent or tenant."""

    async def lock(self, tenant_id: TenantId, run_id: RunId) -> Run:
        """The run, whose row nobody else changes before the commit. Raises NotFoundError."""
        ...

    async def request_pause(self, tenant_id: TenantId, run_id: RunId, *, reason: str) -> None:
        """Ask for a pause; the first reason stays."""
        ...

    async def drop_pause(self, tenant_id: TenantId, run_id: RunId) -> None:
        """Take the request back."""
        ...

    async def park(self, tenant_id: TenantId, run_id: RunId, generation: int | None, *, reason: WaitReason) -> bool:
        """Project a `run.waiting` that is in the log already: from running under a generation, or from queued (None).

        False when a pause or freeze was taken back meanwhile, or the run is another worker's.
        """
        ...

    async def wake(self, tenant_id: TenantId, run_id: RunId) -> bool:
        """From waiting to queued; False when it does not wait. Requests of pause and cancellation stay."""
        ...

    async def request_cancel_all(
        self, tenant_id: TenantId, *, agent_id: AgentId | None, reason: str, after: RunId = FIRST_RUN, limit: int = 500
    ) -> MarkedRuns:
        """Mark the unfinished runs behind `after`, of one agent if given, and `limit` at most."""
        ...

    async def signal(self, run_id: RunId, generation: int, *, worker_id: str) -> LeaseSignal:
        """What is asked of the run now, as the heartbeat would learn it."""
        ...

    async def partial_output(self, run: Run) -> tuple[str, Label | None]:
        """What a waiting run had written when it was stopped, and the label of that."""
        ...
