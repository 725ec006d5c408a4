"""Approvals: what a person is asked about a run, who has decided what, and what follows from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from hortus_agents.events import ApprovalKind, ApprovalOutcome, Decision
from hortus_server.domain.errors import InvalidInputError
from hortus_server.domain.ids import AgentId, ApprovalId, KeyId, RunId, SessionId, TenantId

ALLOWED: Mapping[ApprovalKind, tuple[Decision, ...]] = {
    "call": ("approve", "deny"),
    "doubt": ("happened", "run_again", "give_up"),
    "question": ("answer", "deny"),
}
"""What can be decided, by kind."""

LETS_THROUGH: frozenset[Decision] = frozenset({"approve", "run_again"})
"""Decisions after which a call runs: only these need as many persons as the approval says."""

_CLOSES: Mapping[Decision, ApprovalOutcome] = {
    "approve": "approved",
    "run_again": "approved",
    "deny": "denied",
    "give_up": "denied",
    "happened": "answered",
    "answer": "answered",
}


@dataclass(frozen=True, slots=True)
class Decider:
    """Who decides: a user or somebody with a key, never an agent. `person_id` is what counts as different."""

    id: UUID
    name: str
    person_id: UUID
    kind: Literal["key", "user"] = "key"

    @classmethod
    def of_key(cls, key_id: KeyId, name: str) -> "Decider":
        """Somebody with a key that no user made: the key stands for the person."""
        return cls(key_id, name, key_id)


@dataclass(frozen=True, slots=True)
class Ruling:
    """A decision as it was made; `answer` is the answer to a question, or what came of a call in doubt."""

    decision: Decision
    reason: str = ""
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class RecordedDecision:
    """A decision as it stands in the record."""

    by_kind: Literal["key", "user"]
    by_id: UUID
    by_name: str
    decision: Decision
    reason: str
    answer: str | None
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class Approval:
    """One thing that a person is asked, with all that an inbox shows; `overdue` by the database's clock."""

    id: ApprovalId
    tenant_id: TenantId
    session_id: SessionId
    session_title: str
    run_id: RunId
    agent_id: AgentId
    agent_name: str
    kind: ApprovalKind
    status: ApprovalOutcome
    call_id: str
    tool: str
    tool_version: str
    arguments: Mapping[str, Any]
    call_sha256: str
    side_effect: int
    reason: str
    choices: tuple[str, ...]
    persons: int
    started_at: datetime | None
    worker_id: str | None
    requested_at: datetime
    expires_at: datetime
    closed_at: datetime | None
    used_at: datetime | None
    overdue: bool
    decisions: tuple[RecordedDecision, ...]

    @property
    def allowed(self) -> tuple[Decision, ...]:
        """What can still be decided."""
        return ALLOWED[self.kind] if self.status == "pending" and not self.overdue else ()

    @property
    def persons_missing(self) -> int:
        """How many more different people have to let it through."""
        said = sum(decision.decision in LETS_THROUGH for decision in self.decisions)
        return max(self.persons - said, 0) if self.status == "pending" else 0


@dataclass(frozen=True, slots=True)
class ApprovalFilter:
    """Which approvals."""

    status: ApprovalOutcome | None = None
    kind: ApprovalKind | None = None
    run_id: RunId | None = None
    session_id: SessionId | None = None
    agent_id: AgentId | None = None


@dataclass(frozen=True, slots=True)
class OverdueApproval:
    """One that nobody decided in time."""

    id: ApprovalId
    tenant_id: TenantId
    run_id: RunId


@dataclass(frozen=True, slots=True)
class DueTimer:
    """A run whose time has come."""

    run_id: RunId
    tenant_id: TenantId


def check_ruling(approval: Approval, ruling: Ruling) -> None:
    """Raises InvalidInputError for a decision that does not fit what is asked."""
    allowed = ALLOWED[approval.kind]
    if ruling.decision not in allowed:
        raise InvalidInputError(f"this {approval.kind} takes one of: {', '.join(allowed)}")
    if ruling.answer is not None and ruling.decision not in {"answer", "happened"}:
        raise InvalidInputError(f"{ruling.decision} takes no answer")
    if ruling.decision == "answer" and ruling.answer is None:
        raise InvalidInputError("an answer is missing")
    if ruling.decision == "answer" and approval.choices and ruling.answer not in approval.choices:
        raise InvalidInputError(f"the answer is one of: {', '.join(approval.choices)}")


def outcome_after(approval: Approval, ruling: Ruling) -> ApprovalOutcome:
    """Where the approval stands once `ruling` is added to the decisions that it has."""
    if ruling.decision in LETS_THROUGH and approval.persons_missing > 1:
        return "pending"
    return _CLOSES[ruling.decision]
