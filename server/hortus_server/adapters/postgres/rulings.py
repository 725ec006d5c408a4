"""What policies say of calls in PostgreSQL: those in force, how far rates are used, and calls of the past."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection

from hortus_agents.labels import Sensitivity, SensitivityFloors
from hortus_agents.messages import JsonObject
from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.ids import AgentId, PolicyId, RunId, TenantId
from hortus_server.domain.policies import InForce, PastCall, PoliciesInForce, RateUse

_STATEMENTS = load_statements("rulings.sql")


class PostgresRulings:
    """See `RulingRepository`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def in_force(self, tenant_id: TenantId, agent_id: AgentId | None) -> PoliciesInForce:
        """See the port. One statement, so one moment."""
        rows = await self._sql.many("policies_in_force", _ForceRow, tenant_id=tenant_id, agent_id=agent_id)
        return PoliciesInForce(
            rows[0].revision,
            tuple(
                InForce(PolicyId(row.policy_id), row.name, row.version, row.agent_id, row.rules)
                for row in rows
                if row.policy_id is not None
            ),
            _floors(rows[0].floors or {}),
        )

    async def use_rate(self, tenant_id: TenantId, use: RateUse) -> float | None:
        """See the port."""
        about = {
            "tenant_id": tenant_id,
            "policy_id": use.policy_id,
            "rule": use.rule,
            "subject_id": use.subject_id,
            "window_s": use.limit.window_s,
            "calls": use.limit.calls,
        }
        if await self._sql.count("use_rate", **about):
            return None
        frees_in_s = await self._sql.one("rate_frees_in", _frees_in, **about)
        return frees_in_s or 0.0

    async def past_calls(self, tenant_id: TenantId, *, run_id: RunId | None, limit: int) -> tuple[PastCall, ...]:
        """See the port."""
        return tuple(await self._sql.many("past_calls", PastCall, tenant_id=tenant_id, run_id=run_id, rows=limit))

    async def purge_rates(self, *, older_than: timedelta) -> int:
        """See the port."""
        return await self._sql.count("purge_rates", older_than=older_than)


class _ForceRow(NamedTuple):
    """A policy in force with the revision, or the revision alone."""

    revision: int
    policy_id: UUID | None
    name: str
    agent_id: AgentId | None
    version: int
    rules: list[JsonObject]
    floors: dict[str, Sensitivity] | None


def _floors(stored: Mapping[str, Sensitivity]) -> SensitivityFloors:
    """By the names of tools; the empty one is the tenant."""
    return SensitivityFloors(stored.get("", 0), {tool: level for tool, level in stored.items() if tool})


def _frees_in(*, frees_in_s: float) -> float:
    return frees_in_s
