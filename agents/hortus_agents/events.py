"""Durable events: one typed union that the worker, the API, the UI and the documentation share.

An event is an immutable fact in one session's gap-free log. Names are dotted, in the past tense where something
happened. Payloads are validated when they are written; a reader ignores types that it does not know.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from pydantic import Field, TypeAdapter

from hortus_agents.limits import LimitName, RunLimits, Spent
from hortus_agents.messages import FinishReason, Frozen, JsonObject, ToolCall, Usage


class SessionCreated(Frozen):
    """A conversation began; always seq 1 unless it is a fork."""

    type: Literal["session.created"] = "session.created"
    agent_id: UUID
    agent_name: str
    title: str


class MessageCreated(Frozen):
    """A user's message."""

    type: Literal["message.created"] = "message.created"
    message_id: UUID
    content: str


class MessageCompleted(Frozen):
    """The assistant's answer; closes the token stream of `message_id`."""

    type: Literal["message.completed"] = "message.completed"
    message_id: UUID
    content: str


class MessageRestarted(Frozen):
    """Clients drop the partial text of `message_id`; it will be written anew."""

    type: Literal["message.restarted"] = "message.restarted"
    message_id: UUID
    reason: str


class RunQueued(Frozen):
    """A run was accepted, with the version and the limits that it is pinned to."""

    type: Literal["run.queued"] = "run.queued"
    agent_id: UUID
    agent_version_id: UUID
    agent_version: int
    limits: RunLimits


class RunStarted(Frozen):
    """A worker claimed the run; `generation` above 1 means that it took over."""

    type: Literal["run.started"] = "run.started"
    worker_id: str
    generation: int


WaitKind = Literal["approval", "input", "timer", "children", "paused", "frozen"]


class WaitReason(Frozen):
    """What a waiting run waits for; `ref_id` names the approval, the hold or whatever else will end it."""

    kind: WaitKind
    detail: str = ""
    ref_id: UUID | None = None


class RunWaiting(Frozen):
    """The run holds no worker and goes on once its reason is gone; what it was just writing is kept."""

    type: Literal["run.waiting"] = "run.waiting"
    reason: WaitReason
    partial_output: str = ""


class RunResumed(Frozen):
    """A waiting run may go on; a worker takes it up where it stopped. `by` names who let it, `reason` why."""

    type: Literal["run.resumed"] = "run.resumed"
    reason: str
    by: str = ""


class RunSucceeded(Frozen):
    """The run gave its answer; see the `message.completed` before it."""

    type: Literal["run.succeeded"] = "run.succeeded"
    spent: Spent
    usage: Usage


class RunFailed(Frozen):
    """The run cannot go on; `code` is stable, `message` is for people."""

    type: Literal["run.failed"] = "run.failed"
    code: str
    message: str
    spent: Spent


class RunCancelled(Frozen):
    """Somebody stopped the run; never counted as a failure."""

    type: Literal["run.cancelled"] = "run.cancelled"
    reason: str
    partial_output: str = ""


class RunBudgetExhausted(Frozen):
    """A hard limit ended the run; what it had written is kept."""

    type: Literal["run.budget_exhausted"] = "run.budget_exhausted"
    limit: LimitName
    spent: Spent
    partial_output: str = ""


class StepStarted(Frozen):
    """A step began; `bound_tools` are the names offered to the model."""

    type: Literal["step.started"] = "step.started"
    bound_tools: tuple[str, ...] = ()


class ModelCalled(Frozen):
    """A finished model call: its result, never to be repeated.

    `purpose` is `act` for the agent's own step; evolution's calls name theirs. `guard` names a deterministic
    fallback that held (duplicate_call, forced_answer, forced_use, truncated_answer, raw_answer, repaired), so that
    nobody takes it for the model's merit. `cost_micros` is what the tokens cost by the price table of that moment.
    """

    type: Literal["model.called"] = "model.called"
    message_id: UUID
    purpose: str = "act"
    model: str
    tool_mode: Literal["native", "constrained"]
    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    answer: str | None = None
    finish_reason: FinishReason
    usage: Usage
    duration_ms: float
    first_token_ms: float | None = None
    prompt_sha256: str
    guard: str | None = None
    cost_micros: int = 0


class ModelFailed(Frozen):
    """A model call gave no answer; the run ends unless `will_retry`."""

    type: Literal["model.failed"] = "model.failed"
    purpose: str = "act"
    code: str
    message: str
    attempt: int
    will_retry: bool


class ToolCalled(Frozen):
    """A tool call is about to run; without its `tool.finished` it is in doubt."""

    type: Literal["tool.called"] = "tool.called"
    call_id: str
    name: str
    tool_version_id: UUID | None = None
    arguments: JsonObject


class ToolFinished(Frozen):
    """A tool call's observation, as the model sees it."""

    type: Literal["tool.finished"] = "tool.finished"
    call_id: str
    name: str
    outcome: Literal["ok", "retry", "failed", "denied", "duplicate"]
    content: str
    truncated: bool = False
    artifact_sha256: str | None = None
    duration_ms: float
    tier: str | None = None


class ToolInDoubt(Frozen):
    """A call had started but not finished when its worker died; `policy` says what happens now."""

    type: Literal["tool.in_doubt"] = "tool.in_doubt"
    call_id: str
    name: str
    policy: Literal["rerun", "probe", "ask"]


class RecalledItem(Frozen):
    """One memory as it was shown to the model."""

    memory_id: UUID
    title: str
    content: str
    score: float
    occurred_at: datetime
    session_id: UUID | None = None
    run_id: UUID | None = None


class MemoryRecalled(Frozen):
    """What memory gave for a query; `unavailable` says that the index was down and the run went on without."""

    type: Literal["memory.recalled"] = "memory.recalled"
    query: str
    items: tuple[RecalledItem, ...]
    low_confidence: bool
    unavailable: bool = False


class MemoryWritten(Frozen):
    """A memory of this session exists; the sequence numbers point at what it was made from."""

    type: Literal["memory.written"] = "memory.written"
    memory_id: UUID
    kind: Literal["episode", "note"]
    title: str
    source_first_seq: int
    source_last_seq: int


class CapabilityRequested(Frozen):
    """An agent asked for a tool that it does not have."""

    type: Literal["capability.requested"] = "capability.requested"
    call_id: str
    name: str
    purpose: str


class CapabilityProposed(Frozen):
    """A candidate's signature and source exist; nothing has run yet."""

    type: Literal["capability.proposed"] = "capability.proposed"
    call_id: str
    name: str
    attempt: int
    tool_id: UUID
    tool_version_id: UUID
    source_sha256: str


class CapabilityTested(Frozen):
    """A candidate ran against its tests in the sandbox; `detail` says what was checked."""

    type: Literal["capability.tested"] = "capability.tested"
    call_id: str
    tool_version_id: UUID
    attempt: int
    passed: bool
    cases: int
    detail: str
    tier: str


class CapabilityActivated(Frozen):
    """A tested candidate became the active version of its tool."""

    type: Literal["capability.activated"] = "capability.activated"
    call_id: str
    name: str
    tool_id: UUID
    tool_version_id: UUID
    version: int


class CapabilityReused(Frozen):
    """An evolved tool was bound to this run from the library, without synthesis."""

    type: Literal["capability.reused"] = "capability.reused"
    name: str
    tool_id: UUID
    tool_version_id: UUID
    version: int
    score: float


class CapabilityDisabled(Frozen):
    """A person took a tool out of use."""

    type: Literal["capability.disabled"] = "capability.disabled"
    name: str
    tool_id: UUID
    tool_version_id: UUID
    reason: str


EventPayload = Annotated[
    SessionCreated
    | MessageCreated
    | MessageCompleted
    | MessageRestarted
    | RunQueued
    | RunStarted
    | RunWaiting
    | RunResumed
    | RunSucceeded
    | RunFailed
    | RunCancelled
    | RunBudgetExhausted
    | StepStarted
    | ModelCalled
    | ModelFailed
    | ToolCalled
    | ToolFinished
    | ToolInDoubt
    | MemoryRecalled
    | MemoryWritten
    | CapabilityRequested
    | CapabilityProposed
    | CapabilityTested
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
