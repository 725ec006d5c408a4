"""Policies as sent and received."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue, model_validator

from hortus_agents.messages import JsonObject
from hortus_agents.tools.policy import Approve, Deny, Verdict
from hortus_agents.tools.rules import PolicyRules, Rule
from hortus_server.api.schemas.wire import Body, Name, PageView, View
from hortus_server.domain.policies import Policy, PolicyVersion
from hortus_server.services.change_policy import WrittenPolicy
from hortus_server.services.simulate_policy import MOST_CALLS, SimulatedCall

AgentRef = Annotated[str, Field(min_length=1, max_length=200, description="an agent's id or name")]
RULES_EXAMPLE: list[JsonValue] = [
    {
        "name": "small-orders",
        "tools": ["order"],
        "arguments": {"properties": {"amount": {"maximum": 50}}, "required": ["amount"]},
        "effect": "allow",
        "rate": {"calls": 20, "window_s": 86_400},
    },
    {"name": "other-orders", "tools": ["order"], "effect": "approve", "persons": 2, "reason": "above 50"},
]


class PolicyCreate(PolicyRules):
    """A new policy, in force at once: for one agent, or without one for all of the tenant's."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "orders", "rules": RULES_EXAMPLE}]}
    )

    name: Name
    description: str = Field(default="", max_length=1000)
    agent: AgentRef | None = None
    comment: str = Field(default="", max_length=1000, description="why, for those who read the versions")


class PolicyVersionCreate(PolicyRules):
    """The next version, whole: nothing is inherited from the one before."""

    comment: str = Field(default="", max_length=1000, description="why, for those who read the versions")
    based_on: int | None = Field(
        default=None,
        ge=1,
        le=2_147_483_647,
        description="refused (409) unless this is the newest version",
        examples=[3],
    )


class PolicyPin(Body):
    """Which version is in force."""

    version: int = Field(ge=1, le=2_147_483_647, examples=[1])


class PolicyView(View):
    """A line of versions; `current_version` is in force unless the policy is disabled."""

    id: UUID
    agent_id: UUID | None = Field(description="null: for all agents of the tenant, behind an agent's own")
    name: str
    description: str
    current_version: int
    latest_version: int
    created_at: datetime
    updated_at: datetime
    disabled_at: datetime | None


class PolicyAuthorView(View):
    """Who did something; `name` is what it was called then."""

    kind: Literal["user", "key", "agent", "system"]
    id: str
    name: str


class PolicyVersionView(View):
    """One immutable set of rules."""

    id: UUID
    policy_id: UUID
    version: int
    rules: tuple[Rule, ...]
    comment: str
    made_by: PolicyAuthorView
    created_at: datetime

    @classmethod
    def of(cls, version: PolicyVersion) -> "PolicyVersionView":
        """As it is sent."""
        return cls(
            id=version.id,
            policy_id=version.policy_id,
            version=version.version,
            rules=version.rules.rules,
            comment=version.comment,
            made_by=PolicyAuthorView.model_validate(version.made_by),
            created_at=version.created_at,
        )


class PolicyDetailView(PolicyView):
    """A policy with the version that is in force."""

    current: PolicyVersionView

    @classmethod
    def of(cls, policy: Policy, version: PolicyVersion) -> "PolicyDetailView":
        """Join the two."""
        return cls(**PolicyView.model_validate(policy).model_dump(), current=PolicyVersionView.of(version))


class RuleChangeView(View):
    """One rule that differs; absent sides are null, places count from 1."""

    rule: str
    kind: Literal["added", "removed", "changed", "moved"]
    before: Rule | None
    after: Rule | None
    before_place: int | None
    after_place: int | None


class PolicyDiffView(View):
    """What changed between two versions, rule by rule."""

    before: int
    after: int
    changes: tuple[RuleChangeView, ...]


class GivenCallBody(Body):
    """A call made up by hand."""

    tool: str = Field(min_length=1, max_length=128, examples=["http_get"])
    arguments: JsonObject = Field(default_factory=dict, examples=[{"url": "https://example.org/"}])
    agent: AgentRef | None = Field(default=None, description="whose call; without one, that of an agent with defaults")
    side_effect: int | None = Field(default=None, ge=0, le=3, description="the tool's own where it is known, else 2")
    untrusted: bool = Field(default=False, description="the run has read untrusted text")
    sensitive: bool = Field(default=False, description="the run has read sensitive text")


class PastCallsBody(Body):
    """Calls of the log."""

    last: int = Field(default=100, ge=1, le=MOST_CALLS, description="how many, newest first")
    run_id: UUID | None = Field(default=None, description="only of this run; else of the tenant's last 500 runs")


class ProposalBody(PolicyRules):
    """What would be in force instead: `rules` for the agent or the tenant, or a version of an existing policy."""

    agent: AgentRef | None = None
    policy: Annotated[str, Field(min_length=1, max_length=200, description="a policy's id or name")] | None = None
    version: int | None = Field(default=None, ge=1, le=2_147_483_647, description="the newest where absent")

    @model_validator(mode="after")
    def _is_one_thing(self) -> "ProposalBody":
        if self.policy is not None and (self.rules or self.agent is not None):
            raise ValueError("propose rules, or a version of a policy, not both")
        if self.policy is None and self.version is not None:
            raise ValueError("version belongs to policy")
        return self


class Simulation(Body):
    """What to judge: one call, or past ones; and by what else."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"call": {"tool": "http_get", "arguments": {"url": "https://example.org/"}}}],
        }
    )

    call: GivenCallBody | None = None
    past: PastCallsBody | None = None
    proposed: ProposalBody | None = None

    @model_validator(mode="after")
    def _is_about_calls(self) -> "Simulation":
        if (self.call is None) == (self.past is None):
            raise ValueError("give either call or past")
        return self


class RuleDecisionView(View):
    """What is decided about a call, and by which rule."""

    effect: Literal["allow", "deny", "approve"]
    rule: str
    policy: str
    policy_id: UUID | None
    policy_version: int
    reason: str
    persons: int | None

    @classmethod
    def of(cls, verdict: Verdict) -> "RuleDecisionView":
        """A verdict as it is sent."""
        approve = isinstance(verdict, Approve)
        return cls(
            effect="approve" if approve else "deny" if isinstance(verdict, Deny) else "allow",
            rule=verdict.rule,
            policy=verdict.policy.name,
            policy_id=verdict.policy.id,
            policy_version=verdict.policy.version,
            reason=verdict.reason,
            persons=verdict.persons if isinstance(verdict, Approve) else None,
        )


class PastCallView(View):
    """Where a past call stands in the log."""

    session_id: UUID
    run_id: UUID
    seq: int
    at: datetime
    call_id: str


class SimulatedCallView(View):
    """One call, what is decided about it now, and what would be."""

    tool: str
    arguments: JsonObject
    side_effect: int
    agent_id: UUID | None
    past: PastCallView | None
    current: RuleDecisionView
    proposed: RuleDecisionView | None
    differs: bool = Field(description="the proposed effect, or the number of persons, is another")

    @classmethod
    def of(cls, call: SimulatedCall) -> "SimulatedCallView":
        """As it is sent."""
        current = RuleDecisionView.of(call.current)
        proposed = None if call.proposed is None else RuleDecisionView.of(call.proposed)
        return cls(
            tool=call.tool,
            arguments=call.arguments,
            side_effect=call.side_effect,
            agent_id=call.agent_id,
            past=None if call.past is None else PastCallView.model_validate(call.past),
            current=current,
            proposed=proposed,
            differs=proposed is not None and (proposed.effect, proposed.persons) != (current.effect, current.persons),
        )


class SimulationView(View):
    """Every call that was judged, newest first; rates are not looked at."""

    items: tuple[SimulatedCallView, ...]
    differing: int


def written_json(written: WrittenPolicy) -> dict[str, Any]:
    """A fresh policy as it is sent."""
    return PolicyDetailView.of(written.policy, written.version).model_dump(mode="json")


def policy_version_json(version: PolicyVersion) -> dict[str, Any]:
    """A version as it is sent."""
    return PolicyVersionView.of(version).model_dump(mode="json")


class PolicyPage(PageView[PolicyView]):
    """Policies, newest first."""


class PolicyVersionPage(PageView[PolicyVersionView]):
    """Versions, newest first."""
