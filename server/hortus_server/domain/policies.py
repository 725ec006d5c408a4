"""Policies as rows: lines of immutable versions, and what is in force for an agent."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hortus_agents.labels import NO_FLOORS, SensitivityFloors
from hortus_agents.messages import JsonObject
from hortus_agents.tools.rules import PolicyRules, RateLimit
from hortus_server.domain.audit import Actor
from hortus_server.domain.ids import AgentId, PolicyId, RunId, SessionId, TenantId


@dataclass(frozen=True, slots=True)
class PolicyDraft:
    """A policy before it exists; without an agent it is for all of the tenant's."""

    name: str
    description: str
    agent_id: AgentId | None
    rules: PolicyRules
    comment: str


@dataclass(frozen=True, slots=True)
class Policy:
    """A named line of versions; `current_version` is in force unless the policy is disabled."""

    id: PolicyId
    tenant_id: TenantId
    agent_id: AgentId | None
    name: str
    description: str
    current_version: int
    latest_version: int
    created_at: datetime
    updated_at: datetime
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """One immutable set of rules, with who wrote it and what for."""

    id: UUID
    tenant_id: TenantId
    policy_id: PolicyId
    version: int
    rules: PolicyRules
    comment: str
    made_by: Actor
    created_at: datetime


@dataclass(frozen=True, slots=True)
class InForce:
    """A version that decides now. `rules` are as stored: a newer server may have written what this one cannot read."""

    policy_id: PolicyId
    name: str
    version: int
    agent_id: AgentId | None
    rules: list[JsonObject]


@dataclass(frozen=True, slots=True)
class PoliciesInForce:
    """What decides about an agent's calls, in the order in which it is asked, at one state of the tenant's policies."""

    revision: int
    policies: tuple[InForce, ...]
    floors: SensitivityFloors = NO_FLOORS


@dataclass(frozen=True, slots=True)
class RateUse:
    """One call under a rule with a rate; `subject_id` is the tenant, agent or session that it counts for."""

    policy_id: PolicyId
    rule: str
    subject_id: UUID
    limit: RateLimit


@dataclass(frozen=True, slots=True)
class PastCall:
    """A tool call of the log: who made it, and whether its run had read untrusted or sensitive text by then."""

    session_id: SessionId
    run_id: RunId
    seq: int
    at: datetime
    agent_id: AgentId
    agent_version: int
    call_id: str
    tool: str
    tool_version_id: str | None
    arguments: JsonObject
    side_effect: int | None
    untrusted: bool
    sensitive: bool
