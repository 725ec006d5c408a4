"""What a step needs of tools."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal, Protocol
from uuid import UUID

from hortus_agents.events import EventPayload
from hortus_agents.messages import ToolSpec
from hortus_agents.spec import AgentSpec

InDoubtPolicy = Literal["rerun", "probe", "ask"]


class SideEffect(IntEnum):
    """How far a call reaches; policies speak in these classes."""

    READ = 0
    SCRATCH = 1
    EXTERNAL = 2
    IRREVERSIBLE = 3


@dataclass(frozen=True, slots=True)
class ToolDefinition:
    """A tool as the proxy sees it; `version_id` names an evolved tool's exact source."""

    spec: ToolSpec
    side_effect: SideEffect
    in_doubt: InDoubtPolicy = "rerun"
    timeout_s: float = 30.0
    version_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """What a tool gives back: text for the model, and the isolation tier where model-written code ran."""

    content: str
    tier: str | None = None


@dataclass(frozen=True, slots=True)
class ToolContext:
    """Who calls. `emit` commits events to the session's log before it returns.

    `task` is the user's message, `prior` what this very call emitted before a crash: a call that runs again takes
    finished model calls from there instead of repeating them. Emitting an event of `prior` again does nothing.
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


class Tool(Protocol):
    """One capability. Raises ToolRetryError or ToolFailedError; anything else is a bug in the tool."""

    @property
    def definition(self) -> ToolDefinition:
        """Name, schema, reach."""
        ...

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        """Do it; `arguments` already passed the schema."""
        ...
