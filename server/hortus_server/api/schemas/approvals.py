"""Approvals, as sent and received."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field

from hortus_agents.events import ApprovalKind, ApprovalOutcome, Decision
from hortus_server.api.schemas.wire import Body, PageView, View
from hortus_server.domain.approvals import Approval, Ruling


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


Why = Annotated[str, Field(max_length=500)]
Answer = Annotated[str, Field(min_length=1, max_length=4_000), AfterValidator(_not_blank)]


class ApprovalDecide(Body):
    """A decision. `answer` goes with `answer`, and with `happened` where somebody knows what came of the call."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"decision": "approve", "reason": "the customer asked for it"}]}
    )

    decision: Decision
    reason: Why = ""
    answer: Answer | None = None

    @property
    def ruling(self) -> Ruling:
        """What the use case takes."""
        return Ruling(self.decision, self.reason, self.answer)


class RunAnswer(Body):
    """An answer to the question that a run waits for."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"answer": "blue"}]})

    answer: Answer

    @property
    def ruling(self) -> Ruling:
        """What the use case takes."""
        return Ruling("answer", "", self.answer)


class DecisionView(View):
    """Who decided what, when and why."""

    decision: Decision
    reason: str
    answer: str | None
    by_kind: Literal["key", "user"]
    by_id: UUID = Field(description="the key's or user's")
    by_name: str
    decided_at: datetime


class ApprovalView(View):
    """One thing that a person is asked: whether a call may happen, what became of one, or a question."""

    id: UUID
    kind: ApprovalKind = Field(description="a call to let through, a call in doubt, or a question")
    status: ApprovalOutcome
    reason: str = Field(description="why a person is asked; of a question, its text")
    tool: str
    tool_version: str = Field(description="id of an evolved tool's version, or what a built-in one promises, hashed")
    arguments: dict[str, Any] = Field(description="exactly what the call is made with")
    call_sha256: str = Field(description="over tool, version and arguments: a decision holds for nothing else")
    call_id: str
    side_effect: int = Field(ge=0, le=3, description="risk class: 0 read, 1 scratch, 2 external, 3 irreversible")
    choices: tuple[str, ...] = Field(description="answers to choose from; empty means any text")
    allowed: tuple[Decision, ...] = Field(description="what can be decided now; empty once it is closed")
    persons: int = Field(description="how many different people have to let it through")
    persons_missing: int = Field(description="how many of them have not yet")
    decisions: tuple[DecisionView, ...]
    started_at: datetime | None = Field(description="of a call in doubt: when it began")
    worker_id: str | None = Field(description="of a call in doubt: the worker that died")
    run_id: UUID
    session_id: UUID
    session_title: str
    agent_id: UUID
    agent_name: str
    requested_at: datetime
    expires_at: datetime = Field(description="nobody's word by then means no")
    closed_at: datetime | None
    used_at: datetime | None = Field(description="when the approved call began; an approval is good for one")


class ApprovalPage(PageView[ApprovalView]):
    """Approvals, newest first."""


def approval_json(approval: Approval) -> dict[str, Any]:
    """An approval as it is sent."""
    return ApprovalView.model_validate(approval).model_dump(mode="json")
