"""What services need to know about budgets and usage."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from hortus_agents.limits import Spent
from hortus_server.domain.budgets import Allowance, TenantBudget
from hortus_server.domain.ids import RunId, SessionId, TenantId
from hortus_server.domain.records import Run
from hortus_server.ports.pending import Pending


@dataclass(frozen=True, slots=True)
class RunSpending:
    """What a run has used up to now, and for how many seconds it has been under way."""

    spent: Spent
    elapsed_s: float


class BudgetRepository(Protocol):
    """Budgets as rows.

    A run's usage is counted by the commit that ends it; in a tenant with a budget each model call counts for the day in
    the commit of its `model.called`, and the end adds the rest.
    """

    def allowance(
        self, tenant_id: TenantId, session_id: SessionId | None = None, *, run_id: RunId | None = None
    ) -> Pending[Allowance]:
        """The tenant's budget and today's usage; of the session and the run too, where they are named."""
        ...

    async def set_budget(self, tenant_id: TenantId, budget: TenantBudget) -> None:
        """Replace the tenant's budget; it holds for the next submission and the next step of runs under way."""
        ...

    async def purge(self, *, older_than: timedelta) -> int:
        """Forget the usage of days before that, a bounded number of rows; how many."""
        ...

    async def run_spending(self, run: Run) -> RunSpending:
        """Counted from the run's events."""
        ...
