"""Who may call what: an operator's rules, the shipped defaults behind them, and the agent's own definition."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol
from uuid import UUID

from hortus_agents.labels import NO_FLOORS, NOTHING_READ, UNKNOWN_FLOORS, RunLabels, SensitivityFloors
from hortus_agents.spec import AgentSpec
from hortus_agents.tools import grants
from hortus_agents.tools.port import SideEffect, ToolDefinition
from hortus_agents.tools.rules import RateLimit


@dataclass(frozen=True, slots=True)
class ProposedCall:
    """What a policy judges: a known tool, arguments that its schema accepts, whose agent asks, what its run read."""

    definition: ToolDefinition
    arguments: Mapping[str, Any]
    spec: AgentSpec
    labels: RunLabels = NOTHING_READ


@dataclass(frozen=True, slots=True)
class PolicyRef:
    """The version of a policy that a rule belongs to; without `id` it is part of the server or of an agent."""

    name: str
    version: int = 1
    id: UUID | None = None


@dataclass(frozen=True, slots=True)
class RateTerm:
    """The limit that a rule puts on calls that it lets through; they are counted for that rule, whoever else agreed."""

    limit: RateLimit
    policy: PolicyRef
    rule: str


SHIPPED: Final = PolicyRef("default")
DEFINITION: Final = PolicyRef("definition")
SERVER: Final = PolicyRef("server")


@dataclass(frozen=True, slots=True)
class Allow:
    """The call may happen, as often as `rate` says. `rule` of `policy` is what decided."""

    rule: str = "default"
    policy: PolicyRef = SHIPPED
    rate: RateTerm | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Deny:
    """The call may not happen; `reason` is for the model."""

    reason: str
    rule: str = "default"
    policy: PolicyRef = SHIPPED


@dataclass(frozen=True, slots=True)
class Approve:
    """A person decides, within `expires_s` seconds; `persons` different ones where one is not enough."""

    reason: str
    persons: int = 1
    expires_s: float = 86_400.0
    rule: str = "default"
    policy: PolicyRef = SHIPPED
    rate: RateTerm | None = None


Verdict = Allow | Deny | Approve


class ToolPolicy(Protocol):
    """Decides on a call whose arguments are already valid."""

    @property
    def revision(self) -> int | None:
        """The state of the tenant's policies that it judges by; None where it does not know that state."""
        ...

    @property
    def floors(self) -> SensitivityFloors:
        """What counts as sensitive by the operator's word, at the same state."""
        ...

    def judge(self, call: ProposedCall) -> Verdict:
        """Asked before a call, and again right before it runs once a person has approved it."""
        ...


class ShippedPolicy:
    """The defaults alone: what a tenant has that wrote no rules."""

    @property
    def revision(self) -> int | None:
        """See ToolPolicy."""
        return None

    @property
    def floors(self) -> SensitivityFloors:
        """See ToolPolicy."""
        return NO_FLOORS

    def judge(self, call: ProposedCall) -> Verdict:
        """See ToolPolicy."""
        return within_definition(shipped_verdict(call), call)


class UnavailablePolicy:
    """The tenant's policies cannot be read: reads go on as by default, nothing that reaches further happens."""

    @property
    def revision(self) -> int | None:
        """See ToolPolicy."""
        return None

    @property
    def floors(self) -> SensitivityFloors:
        """See ToolPolicy."""
        return UNKNOWN_FLOORS

    def judge(self, call: ProposedCall) -> Verdict:
        """See ToolPolicy."""
        if call.definition.side_effect == SideEffect.READ:
            return ShippedPolicy().judge(call)
        return Deny("the policies cannot be read now, so only reading is possible", "policies-unavailable", SERVER)


def shipped_verdict(call: ProposedCall) -> Verdict:
    """Reads and scratch work pass, and what the definition grants; what reaches further needs a person, or two."""
    name, reach = call.definition.spec.name, call.definition.side_effect
    expires_s = call.spec.approval.expires_s
    if reach <= SideEffect.SCRATCH:
        return Allow("reads" if reach == SideEffect.READ else "scratch-writes")
    if reach >= SideEffect.IRREVERSIBLE:
        return Approve(f"{name} cannot be taken back", 2, expires_s, "irreversible")
    if grants.granted(call.definition, call.spec):
        return Allow("granted")
    return Approve(f"{name} reaches outside and nothing grants it", 1, expires_s, "external-effects")


def within_definition(verdict: Verdict, call: ProposedCall) -> Verdict:
    """A policy bounds what any agent may do, a definition what this one may: a call has to pass both."""
    if isinstance(verdict, Deny):
        return verdict
    refusal = grants.withheld(call.definition, call.arguments, call.spec)
    if refusal is not None:
        return Deny(refusal, "withheld", DEFINITION)
    if isinstance(verdict, Allow) and grants.asks_person(call.definition, call.spec):
        name = call.definition.spec.name
        reason = f"this agent's calls of {name} need a person's approval"
        return Approve(reason, 1, call.spec.approval.expires_s, "approval", DEFINITION, verdict.rate)
    return verdict


def at_least_two_persons(verdict: Verdict, call: ProposedCall) -> Verdict:
    """What class 3 comes to under a rule that does not speak of it."""
    if call.definition.side_effect < SideEffect.IRREVERSIBLE or isinstance(verdict, Deny):
        return verdict
    if isinstance(verdict, Approve):
        return replace(verdict, persons=2)
    reason = verdict.reason or f"{call.definition.spec.name} cannot be taken back"
    return Approve(reason, 2, call.spec.approval.expires_s, verdict.rule, verdict.policy, verdict.rate)
