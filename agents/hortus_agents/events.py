"""Durable events: one typed union that the worker, the API, the UI and the documentation share.

An event is an immutable fact in one session's gap-free log. Names are dotted, in the past tense where something
happened. Payloads are validated when they are written; a reader ignores types that it does not know.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from pydantic import Field, TypeAdapter

from hortus_agents.labels import Label
from hortus_agents.limits import LimitName, RunLimits, Spent
from hortus_agents.messages import FinishReason, Frozen, JsonObject, ToolCall, Usage


class SessionCreated(Frozen):
    """A conversation began; always seq 1 unless it is a fork."""

    type: Literal["session.created"] = "session.created"
    agent_id: UUID
    agent_name: str
    title: str


class SessionForked(Frozen):
    """A conversation goes on from a place of another; always seq 1, where there is no `session.created`.

    What was said there follows as events of no run, with their times; `left_out` says that it began earlier still.
    """

    type: Literal["session.forked"] = "session.forked"
    origin_session_id: UUID
    origin_seq: int
    agent_id: UUID
    agent_name: str
    title: str
    left_out: bool = False


class MessageCreated(Frozen):
    """A user's message.

    With `steers` it was said to a run that was accepted already: the run's next model call sees it. `heard` of a
    `model.called` says which one that was. A `label` says that it is not the user's own words, but text from elsewhere.
    """

    type: Literal["message.created"] = "message.created"
    message_id: UUID
    content: str
    steers: bool = False
    label: Label | None = None


class MessageCompleted(Frozen):
    """The assistant's answer; closes the token stream of `message_id`.

    A run that was steered while it wrote goes on behind it, and answers again. `label` is that of all its run had read.
    """

    type: Literal["message.completed"] = "message.completed"
    message_id: UUID
    content: str
    label: Label | None = None


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


WaitKind = Literal["approval", "input", "timer", "children", "model", "paused", "frozen"]


class WaitReason(Frozen):
    """What a waiting run waits for; `ref_id` names the approval, the hold or whatever else will end it.

    `due_at` is when the wait ends by itself: a timer's time, the last moment of an approval, the next try of a model
    whose endpoints are down.
    """

    kind: WaitKind
    detail: str = ""
    ref_id: UUID | None = None
    due_at: datetime | None = None


class RunWaiting(Frozen):
    """The run holds no worker and goes on once its reason is gone; what it was just writing is kept."""

    type: Literal["run.waiting"] = "run.waiting"
    reason: WaitReason
    partial_output: str = ""


class RunResumed(Frozen):
    """A waiting run may go on; a worker takes it up where it stopped. `by` names who let it, `reason` why.

    `ref_id` is that of the wait which is over, where it had one.
    """

    type: Literal["run.resumed"] = "run.resumed"
    reason: str
    by: str = ""
    ref_id: UUID | None = None


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


class RunRolledBack(Frozen):
    """Somebody took back what was said in this run, from the user's message on: later prompts hold nothing of it.

    The events stay in the log. `by_run_id` is the run that takes the place. What tools did is not undone.
    """

    type: Literal["run.rolled_back"] = "run.rolled_back"
    by_run_id: UUID | None = None
    reason: str


class RunCancelled(Frozen):
    """Somebody stopped the run; never counted as a failure. What it had written stays in the conversation."""

    type: Literal["run.cancelled"] = "run.cancelled"
    reason: str
    partial_output: str = ""
    label: Label | None = None


class RunBudgetExhausted(Frozen):
    """A hard limit ended the run; what it had written is kept."""

    type: Literal["run.budget_exhausted"] = "run.budget_exhausted"
    limit: LimitName
    spent: Spent
    partial_output: str = ""
    label: Label | None = None


class BudgetWarned(Frozen):
    """The run goes on with a fifth or less of a limit left; once for each limit, `used` and `bound` in its own unit."""

    type: Literal["budget.warned"] = "budget.warned"
    limit: LimitName
    used: float
    bound: float


class StepStarted(Frozen):
    """A step began; `bound_tools` are the names offered to the model.

    `labels` are those of marked text in its prompt that no other event of the run tells of: what earlier
    runs of the session left, descriptions of tools, and what the agent's definition says of itself.
    """

    type: Literal["step.started"] = "step.started"
    bound_tools: tuple[str, ...] = ()
    labels: tuple[Label, ...] = ()


class PlanMade(Frozen):
    """A run that plans has its plan, made of the user's request and the tools alone; `revision` counts from 0.

    `plan` holds `steps` in order, each a call of a tool or the reading of an earlier result, and the `reply`. With a
    `problem` it holds the `text` of the model's that is no usable plan, and the model is asked once more.
    """

    type: Literal["plan.made"] = "plan.made"
    plan: JsonObject
    revision: int = 0
    problem: str | None = None


class PlanAdvanced(Frozen):
    """The next step of a plan is carried out by `call`; without `index` the call asks to plan anew.

    `tainted` names those of its arguments that hold values out of untrusted text.
    """

    type: Literal["plan.advanced"] = "plan.advanced"
    index: int | None = None
    call: ToolCall
    tainted: tuple[str, ...] = ()


class ModelCalled(Frozen):
    """A finished model call: its result, never to be repeated.

    `purpose` is `act` for the agent's own step; evolution's calls name theirs. `guard` names a deterministic
    fallback that held (duplicate_call, forced_answer, forced_use, truncated_answer, raw_answer, repaired), so that
    nobody takes it for the model's merit. `cost_micros` is what the tokens cost by the price table of that moment.
    `heard` are the messages that steered the run and that this call was the first to see.
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
    heard: tuple[UUID, ...] = ()


class ModelFailed(Frozen):
    """A model call gave no answer; the run ends unless `will_retry`."""

    type: Literal["model.failed"] = "model.failed"
    purpose: str = "act"
    code: str
    message: str
    attempt: int
    will_retry: bool


PolicyEffect = Literal["allow", "deny", "approve"]


class PolicyDecided(Frozen):
    """A call was denied, needs persons, or reaches outside and may happen; `rule` of `policy` is why.

    Without `policy_id` the rule is one of the server's defaults or of the agent's own definition.
    """

    type: Literal["policy.decided"] = "policy.decided"
    call_id: str
    name: str
    side_effect: int = Field(ge=0, le=3)
    effect: PolicyEffect
    rule: str
    policy: str
    policy_id: UUID | None = None
    policy_version: int = 1
    reason: str = ""
    persons: int | None = None


ErrorClass = Literal[
    "unknown_tool",
    "invalid_arguments",
    "forbidden",
    "budget",
    "tool_retry",
    "tool_failed",
    "tool_broken",
    "sandbox",
    "timeout",
]
"""What kind of failure an observation tells of."""


class ToolCalled(Frozen):
    """A tool call is about to run; without its `tool.finished` it is in doubt.

    `side_effect` is how far it reaches; absent where the tool is not known. `untrusted` and `sensitive` say what the
    run had read by then. `attempt` is above 1 where it runs again after a crash. `approval_id` names the approval that
    this uses up, and `call_sha256` the call that is made, which has to be the approved one.
    """

    type: Literal["tool.called"] = "tool.called"
    call_id: str
    name: str
    tool_version_id: UUID | None = None
    arguments: JsonObject
    side_effect: int | None = None
    untrusted: bool = False
    sensitive: bool = False
    attempt: int = 1
    approval_id: UUID | None = None
    call_sha256: str | None = None


class ToolFinished(Frozen):
    """A tool call's observation, as the model sees it; `origin` is `user` where a person's own words are the result.

    `error` says what kind of failure it is, where it is one; `label` where the text comes from.
    """

    type: Literal["tool.finished"] = "tool.finished"
    call_id: str
    name: str
    outcome: Literal["ok", "retry", "failed", "denied", "duplicate"]
    content: str
    truncated: bool = False
    artifact_sha256: str | None = None
    duration_ms: float
    tier: str | None = None
    origin: Literal["tool", "user"] = "tool"
    error: ErrorClass | None = None
    label: Label | None = None


class ToolInDoubt(Frozen):
    """A call had started but not finished when its worker died; `policy` says what happens now."""

    type: Literal["tool.in_doubt"] = "tool.in_doubt"
    call_id: str
    name: str
    policy: Literal["rerun", "probe", "ask"]


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


class RecalledItem(Frozen):
    """One memory as it was shown to the model."""

    memory_id: UUID
    title: str
    content: str
    score: float
    occurred_at: datetime
    session_id: UUID | None = None
    run_id: UUID | None = None
    label: Label | None = None


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
    label: Label | None = None


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


class CapabilityChecked(Frozen):
    """A candidate whose tests passed was scanned, and called with hostile arguments; `detail` says what came of it."""

    type: Literal["capability.checked"] = "capability.checked"
    call_id: str
    tool_version_id: UUID
    attempt: int
    passed: bool
    findings: int
    negative_tests: int
    detail: str
    tier: str


class CapabilityQuarantined(Frozen):
    """A candidate passed its tests and waits for a person to enable it; no run uses it until then."""

    type: Literal["capability.quarantined"] = "capability.quarantined"
    call_id: str
    name: str
    tool_id: UUID
    tool_version_id: UUID
    version: int
    reason: str


class CapabilityActivated(Frozen):
    """A tested candidate became the active version of its tool."""

    type: Literal["capability.activated"] = "capability.activated"
    call_id: str
    name: str
    tool_id: UUID
    tool_version_id: UUID
    version: int
    label: Label | None = None


class CapabilityReused(Frozen):
    """An evolved tool was bound to this run from the library, without synthesis."""

    type: Literal["capability.reused"] = "capability.reused"
    name: str
    tool_id: UUID
    tool_version_id: UUID
    version: int
    score: float
    label: Label | None = None


class CapabilityDisabled(Frozen):
    """A person took a tool out of use."""

    type: Literal["capability.disabled"] = "capability.disabled"
    name: str
    tool_id: UUID
    tool_version_id: UUID
    reason: str


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
