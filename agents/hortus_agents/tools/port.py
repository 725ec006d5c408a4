"""What a step needs of tools."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any, Literal, Protocol, runtime_checkable
from uuid import UUID

from hortus_agents.events import EventPayload, KeptFile
from hortus_agents.labels import UNLABELLED, Label, RunLabels
from hortus_agents.messages import ToolSpec
from hortus_agents.spec import AgentSpec
from hortus_agents.tools.fencing import fenced_spec

InDoubtPolicy = Literal["rerun", "probe", "ask"]


class SideEffect(IntEnum):
    """How far a call reaches; policies speak in these classes."""

    READ = 0
    SCRATCH = 1
    EXTERNAL = 2
    IRREVERSIBLE = 3


@dataclass(frozen=True, slots=True)
class ToolDefinition:
    """A tool as the proxy sees it; `version_id` names an evolved tool's exact source.

    `in_doubt` says what happens to a call whose worker died before it knew the result: `rerun` it under the same call
    id, `probe` whether it took effect (for a ProbingTool), or `ask` a person.

    `output` is the label of what it gives back; without one anybody may have written that. `described_by` is the label
    of its description, where that is not the operator's own: what an installation adds is, unless it passes on another
    server's. With `own_words` a run that has read untrusted text may still call it with nothing but the user's own
    words. `content_arguments` may carry untrusted values in a call that a plan foresaw: they decide about no more than
    what is delivered. A tool that `steers` changes what its run will do next. `secrets` bounds what calls that its code
    makes may carry; None: whatever the agent's definition names.
    """

    spec: ToolSpec
    side_effect: SideEffect
    in_doubt: InDoubtPolicy = "rerun"
    timeout_s: float = 30.0
    version_id: UUID | None = None
    output: Label | None = None
    described_by: Label | None = None
    own_words: bool = False
    content_arguments: tuple[str, ...] = ()
    steers: bool = False
    secrets: tuple[str, ...] | None = None

    @property
    def offered(self) -> ToolSpec:
        """What a model is told: a description that somebody else wrote stands in a fence."""
        label = self.described_by
        return self.spec if label is None or not label.untrusted else fenced_spec(self.spec, label)


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """What a tool gives back: text for the model, and the isolation tier where model-written code ran.

    `label` is that of this very text, where the tool knows it better than its definition; `files` are kept by then.
    """

    content: str
    tier: str | None = None
    label: Label | None = None
    files: tuple[KeptFile, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolContext:
    """Who calls. `emit` commits events to the session's log before it returns.

    `task` is the user's message, `prior` what this very call emitted before a crash: a call that runs again takes
    finished model calls from there instead of repeating them. Emitting an event of `prior` again does nothing.
    `call_id` stays the same when a call runs again, and `in_doubt` says that an earlier attempt may have taken effect.
    `labels` say what the run has read by now. `call_tool` makes a call of another tool on behalf of code that this one
    runs, where that may be. `secrets` are the only ones that this call may carry, for a call that a self-made tool
    makes; None: all that the agent's definition names.
    """

    tenant_id: UUID
    session_id: UUID
    run_id: UUID
    agent_id: UUID
    step: int
    call_id: str
    spec: AgentSpec
    emit: Callable[[Sequence[EventPayload]], Awaitable[None]]
    task: str = ""
    prior: tuple[EventPayload, ...] = ()
    in_doubt: bool = False
    labels: RunLabels = UNLABELLED
    call_tool: Callable[[str, Mapping[str, Any]], Awaitable[str]] | None = None
    secrets: tuple[str, ...] | None = None


class Tool(Protocol):
    """One capability. Raises ToolRetryError or ToolFailedError; anything else is a bug in the tool."""

    @property
    def definition(self) -> ToolDefinition:
        """Name, schema, reach."""
        ...

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        """Do it; `arguments` already passed the schema."""
        ...


@dataclass(frozen=True, slots=True)
class Probed:
    """Whether a call took effect; `output` is its result where that is known."""

    effect: Literal["happened", "did_not_happen", "unknown"]
    output: ToolOutput | None = None


@runtime_checkable
class ProbingTool(Tool, Protocol):
    """A tool that can find out whether an interrupted call took effect."""

    async def probe(self, arguments: Mapping[str, Any], context: ToolContext) -> Probed:
        """Look without changing anything; `context.call_id` is that of the interrupted call."""
        ...


@dataclass(frozen=True, slots=True)
class AskPerson:
    """Wait for a person's answer: to `question`, one of `choices` where there are any, within `expires_s` seconds."""

    question: str
    choices: tuple[str, ...] = ()
    expires_s: float | None = None


@dataclass(frozen=True, slots=True)
class AskTimer:
    """Wait until `due_at` (aware UTC)."""

    due_at: datetime


@runtime_checkable
class WaitingTool(Tool, Protocol):
    """A tool that does nothing but wait: the run parks, holds no worker, and goes on once the wait is over."""

    def wait(self, arguments: Mapping[str, Any], *, now: datetime) -> AskPerson | AskTimer:
        """What to wait for, or raises ToolRetryError; asked once."""
        ...


def output_label(definition: ToolDefinition, run: RunLabels, own: Label | None = None) -> Label:
    """The label of what a call gave back: never cleaner than what its run had read when it asked."""
    name = definition.spec.name
    label = own or definition.output or Label(origin="tool", trust=0, sensitivity=1)
    if label.untrusted and not label.source:
        label = label.model_copy(update={"source": name})
    return run.mark(label)
