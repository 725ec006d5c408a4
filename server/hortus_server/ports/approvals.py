"""What services need of approvals and of runs that wait for a time."""

from datetime import datetime
from typing import Protocol

from hortus_agents.events import ApprovalOutcome, Event
from hortus_server.domain.approvals import Approval, ApprovalFilter, Decider, DueTimer, OverdueApproval, Ruling
from hortus_server.domain.ids import ApprovalId, RunId, TenantId
from hortus_server.domain.records import Page, Run
from hortus_server.ports.paging import PageRequest


class ApprovalRepository(Protocol):
    """The people's side: the inbox and its decisions. Whoever changes one holds its run's row first."""

    async def get(self, tenant_id: TenantId, approval_id: ApprovalId) -> Approval:
        """Raises NotFoundError."""
        ...

    async def list(self, tenant_id: TenantId, page: PageRequest, *, which: ApprovalFilter) -> Page[Approval]:
        """Newest first."""
        ...

    async def awaited(self, tenant_id: TenantId, run_id: RunId) -> Approval | None:
        """The one that a run waits for."""
        ...

    async def record(self, tenant_id: TenantId, approval_id: ApprovalId, decider: Decider, *, ruling: Ruling) -> bool:
        """Keep a decision; False when this person has decided before."""
        ...

    async def close(self, tenant_id: TenantId, approval_id: ApprovalId, *, outcome: ApprovalOutcome) -> bool:
        """End one that is pending and in time by the database's clock; False for any other."""
        ...


class WaitRepository(Protocol):
    """The workers' side: rows that follow from a run's events, in the transaction of those, and what ends a wait."""

    async def add_approval(self, run: Run, event: Event) -> None:
        """A person is asked, as an `approval.requested` of the run's log says."""
        ...

    async def is_pending(self, run: Run, approval_id: ApprovalId) -> bool:
        """Whether an approval of the run is still to be decided."""
        ...

    async def use_approval(self, run: Run, approval_id: ApprovalId, *, call_id: str, call_sha256: str) -> bool:
        """Use an approval up for exactly this call; False when it was not approved, or used before."""
        ...

    async def expire_approval(self, overdue: OverdueApproval) -> bool:
        """End an approval that ran out of time; False when that happened already, or it was decided."""
        ...

    async def overdue_approvals(self, *, limit: int) -> tuple[OverdueApproval, ...]:
        """Pending ones that ran out of time, longest first; nothing is locked."""
        ...

    async def set_timer(self, run: Run, due_at: datetime) -> None:
        """Wake the run at a time."""
        ...

    async def due_timers(self, *, limit: int) -> tuple[DueTimer, ...]:
        """Runs whose time has come, longest first; nothing is locked."""
        ...

    async def end_timer(self, run_id: RunId) -> bool:
        """Take a due timer off; False when it was taken off already, or set to later."""
        ...
