"""Durable events: one typed union that the worker, the API, the UI and the documentation share.

An event is an immutable fact in one session's gap-free log. Names are dotted, in the past tense where something
happened. Payloads are validated when they are written; a reader ignores types that it does not know.
"""

from datetime import datetime
from typing import Annotated, Any, cast
from uuid import UUID

from pydantic import Field, TypeAdapter

from hortus_agents.events.approvals import (
    ApprovalDecided,
    ApprovalExpired,
    ApprovalKind,
    ApprovalOutcome,
    ApprovalRequested,
    Decision,
)
from hortus_agents.events.capabilities import (
    CapabilityActivated,
    CapabilityChecked,
    CapabilityDisabled,
    CapabilityProposed,
    CapabilityQuarantined,
    CapabilityRequested,
    CapabilityReused,
    CapabilityTested,
)
from hortus_agents.events.lifecycle import (
    BudgetWarned,
    MessageCompleted,
    MessageCreated,
    MessageRestarted,
    RunBudgetExhausted,
    RunCancelled,
    RunFailed,
    RunQueued,
    RunResumed,
    RunRolledBack,
    RunStarted,
    RunSucceeded,
    RunWaiting,
    SessionCreated,
    SessionForked,
    WaitKind,
    WaitReason,
)
from hortus_agents.events.memories import (
    MemoryRecalled,
    MemoryWritten,
    RecalledItem,
    RecallReason,
)
from hortus_agents.events.steps import (
    ErrorClass,
    KeptFile,
    ModelCalled,
    ModelFailed,
    PlanAdvanced,
    PlanMade,
    PolicyDecided,
    PolicyEffect,
    StepStarted,
    ToolCalled,
    ToolFinished,
    ToolInDoubt,
)
from hortus_agents.messages import Frozen

EventPayload = Annotated[
    SessionCreated
    | SessionForked
    | MessageCreated
    | MessageCompleted
    | MessageRestarted
    | RunQueued
    | RunStarted
    | RunWaiting
    | RunResumed
    | RunRolledBack
    | RunSucceeded
    | RunFailed
    | RunCancelled
    | RunBudgetExhausted
    | BudgetWarned
    | StepStarted
    | PlanMade
    | PlanAdvanced
    | ModelCalled
    | ModelFailed
    | PolicyDecided
    | ToolCalled
    | ToolFinished
    | ToolInDoubt
    | ApprovalRequested
    | ApprovalDecided
    | ApprovalExpired
    | MemoryRecalled
    | MemoryWritten
    | CapabilityRequested
    | CapabilityProposed
    | CapabilityTested
    | CapabilityChecked
    | CapabilityQuarantined
    | CapabilityActivated
    | CapabilityReused
    | CapabilityDisabled,
    Field(discriminator="type"),
]

EVENT_PAYLOAD: TypeAdapter[EventPayload] = TypeAdapter(cast("Any", EventPayload))

TERMINAL_EVENTS = frozenset({"run.succeeded", "run.failed", "run.cancelled", "run.budget_exhausted"})


class NewEvent(Frozen):
    """An event before its place in the log is known. `step` counts from 1 inside a run; 0 is outside any step.

    `at` is when it happened, where that was before it could be committed; None means the time of the commit.
    """

    step: int = 0
    payload: EventPayload
    at: datetime | None = None


class Event(Frozen):
    """One row of a session's log; `seq` counts from 1 without gaps."""

    session_id: UUID
    seq: int
    run_id: UUID | None
    step: int
    type: str
    at: datetime
    payload: EventPayload


__all__ = [
    "EVENT_PAYLOAD",
    "TERMINAL_EVENTS",
    "ApprovalDecided",
    "ApprovalExpired",
    "ApprovalKind",
    "ApprovalOutcome",
    "ApprovalRequested",
    "BudgetWarned",
    "CapabilityActivated",
    "CapabilityChecked",
    "CapabilityDisabled",
    "CapabilityProposed",
    "CapabilityQuarantined",
    "CapabilityRequested",
    "CapabilityReused",
    "CapabilityTested",
    "Decision",
    "ErrorClass",
    "Event",
    "EventPayload",
    "KeptFile",
    "MemoryRecalled",
    "MemoryWritten",
    "MessageCompleted",
    "MessageCreated",
    "MessageRestarted",
    "ModelCalled",
    "ModelFailed",
    "NewEvent",
    "PlanAdvanced",
    "PlanMade",
    "PolicyDecided",
    "PolicyEffect",
    "RecallReason",
    "RecalledItem",
    "RunBudgetExhausted",
    "RunCancelled",
    "RunFailed",
    "RunQueued",
    "RunResumed",
    "RunRolledBack",
    "RunStarted",
    "RunSucceeded",
    "RunWaiting",
    "SessionCreated",
    "SessionForked",
    "StepStarted",
    "ToolCalled",
    "ToolFinished",
    "ToolInDoubt",
    "WaitKind",
    "WaitReason",
]
