"""What a run does: steps, plans, calls of models and tools, and which rules decided."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from hortus_agents.labels import Label
from hortus_agents.messages import FinishReason, Frozen, JsonObject, ToolCall, Usage


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


class KeptFile(Frozen):
    """A file that model-written code has made: its plain name, its bytes' SHA-256 in hex, their number."""

    name: str
    sha256: str
    size: int


class ToolFinished(Frozen):
    """A tool call's observation, as the model sees it; `origin` is `user` where a person's own words are the result.

    `error` says what kind of failure it is, where it is one; `label` where the text comes from. `files` are as
    untrusted as the code that made them.
    """

    type: Literal["tool.finished"] = "tool.finished"
    call_id: str
    name: str
    outcome: Literal["ok", "retry", "failed", "denied", "duplicate"]
    content: str
    truncated: bool = False
    artifact_sha256: str | None = None
    files: tuple[KeptFile, ...] = ()
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
