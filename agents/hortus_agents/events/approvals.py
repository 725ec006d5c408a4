"""What persons are asked, and what they say."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from hortus_agents.messages import Frozen, JsonObject

ApprovalKind = Literal["call", "doubt", "question"]
ApprovalOutcome = Literal["pending", "approved", "denied", "answered", "expired", "cancelled"]
Decision = Literal["approve", "deny", "happened", "run_again", "give_up", "answer"]


class ApprovalRequested(Frozen):
    """A person has to decide: a `call`, what to do about one whose effect is unknown (`doubt`), or a `question`.

    `call_sha256` is over tool, version and exact arguments: the decision holds for nothing else. `persons` is how many
    different ones have to let it through. `started_at` and `worker_id` are what is known of a call in doubt. `rule` is
    what asked for a person; `untrusted` and `sensitive` name what the run had read of such.
    """

    type: Literal["approval.requested"] = "approval.requested"
    approval_id: UUID
    kind: ApprovalKind
    call_id: str
    name: str
    tool_version: str
    arguments: JsonObject
    call_sha256: str
    side_effect: int = Field(ge=0, le=3)
    reason: str
    persons: int = Field(default=1, ge=1, le=2)
    choices: tuple[str, ...] = ()
    expires_at: datetime
    started_at: datetime | None = None
    worker_id: str | None = None
    rule: str = ""
    untrusted: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()


class ApprovalDecided(Frozen):
    """Somebody decided; `outcome` is where the approval stands now: `pending` while a second person is needed.

    `answer` is an answer to a question, or what a person knows of the result of a call in doubt.
    """

    type: Literal["approval.decided"] = "approval.decided"
    approval_id: UUID
    call_id: str
    decision: Decision
    outcome: ApprovalOutcome
    reason: str = ""
    answer: str | None = None
    by: str
    key_id: UUID | None = None
    user_id: UUID | None = None


class ApprovalExpired(Frozen):
    """Nobody decided in time, which means no."""

    type: Literal["approval.expired"] = "approval.expired"
    approval_id: UUID
    call_id: str
