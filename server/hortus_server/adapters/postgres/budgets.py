"""Budgets and usage in PostgreSQL."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

from psycopg import AsyncConnection

from hortus_agents.limits import Spent
from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.budgets import Allowance, TenantBudget, Usage
from hortus_server.domain.ids import RunId, SessionId, TenantId
from hortus_server.domain.records import Run
from hortus_server.ports.budgets import RunSpending
from hortus_server.ports.pending import Pending

_STATEMENTS = load_statements("budgets.sql")
_PURGE_ROWS: Final = 10_000


class PostgresBudgets:
    """See `BudgetRepository`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    def allowance(
        self, tenant_id: TenantId, session_id: SessionId | None = None, *, run_id: RunId | None = None
    ) -> Pending[Allowance]:
        """See the port."""
        found = self._sql.one("allowance", _allowance, tenant_id=tenant_id, session_id=session_id, run_id=run_id)
        return found.map(lambda allowance: allowance or Allowance())

    async def set_budget(self, tenant_id: TenantId, budget: TenantBudget) -> None:
        """See the port."""
        await self._sql.count("set_budget", tenant_id=tenant_id, **asdict(budget))

    async def purge(self, *, older_than: timedelta) -> int:
        """See the port."""
        return await self._sql.count("purge_usage", older_than=older_than, rows=_PURGE_ROWS)

    async def run_spending(self, run: Run) -> RunSpending:
        """See the port."""
        spending = await self._sql.one(
            "run_spending",
            _spending,
            session_id=run.session_id,
            run_id=run.id,
            started_at=run.started_at,
            finished_at=run.finished_at,
        )
        return spending or RunSpending(Spent(), 0.0)


def _spending(*, elapsed_s: float, **spent: Any) -> RunSpending:
    return RunSpending(Spent(**spent), elapsed_s)


def _allowance(
    *, runs: int, tokens: int, cost_micros: int, session_tokens: int, session_cost_micros: int, **columns: Any
) -> Allowance:
    day_left_s = columns.pop("day_left_s")
    run = Usage(tokens=columns.pop("run_tokens"), cost_micros=columns.pop("run_cost_micros"))
    return Allowance(
        budget=TenantBudget(**columns),
        today=Usage(runs, tokens, cost_micros),
        session=Usage(tokens=session_tokens, cost_micros=session_cost_micros),
        run=run,
        day_left_s=day_left_s,
    )
