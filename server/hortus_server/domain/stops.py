"""Stops that reach further than one run, and what they ask of a run."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from hortus_server.domain.ids import AgentId, TenantId

OrderKind = Literal["pause", "freeze"]
OrderScope = Literal["agent", "tenant", "all"]
EVERYTHING = UUID(int=0)
"""The subject of an order over all."""


@dataclass(frozen=True, slots=True)
class StopOrder:
    """A stop in force until it is lifted, and a record of it after that.

    `pause` stops runs where they are; under `freeze` they go on up to their next side effect, and none begins.
    `subject_id` is the agent, the tenant, or zero; `tenant_id` whose people placed it.
    """

    id: UUID
    kind: OrderKind
    scope: OrderScope
    subject_id: UUID
    tenant_id: TenantId
    reason: str
    placed_by: str
    placed_at: datetime
    lifted_by: str | None
    lifted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Reach:
    """What an order stops."""

    scope: OrderScope
    subject_id: UUID

    @classmethod
    def of_agent(cls, agent_id: AgentId) -> "Reach":
        """All runs of one agent."""
        return cls("agent", agent_id)

    @classmethod
    def of_tenant(cls, tenant_id: TenantId) -> "Reach":
        """All runs of one tenant."""
        return cls("tenant", tenant_id)

    @classmethod
    def of_all(cls) -> "Reach":
        """Everything in this installation."""
        return cls("all", EVERYTHING)
