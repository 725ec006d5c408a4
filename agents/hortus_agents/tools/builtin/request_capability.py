"""Ask for a tool that does not exist yet."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from hortus_agents.labels import Label
from hortus_agents.messages import ToolSpec
from hortus_agents.tools.capability import MAX_DECLARED, NO_PERMISSIONS, Capability, ToolPermissions
from hortus_agents.tools.port import SideEffect, ToolContext, ToolDefinition, ToolOutput
from hortus_agents.tools.signature import render_signature

FETCH = "http_get"
_NAMES = {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 253}, "maxItems": MAX_DECLARED}
_SPEC = ToolSpec(
    name="request_capability",
    description="Get a new reusable tool (a pure Python function) made when no tool fits.",
    parameters={
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 2, "maxLength": 40},
            "purpose": {"type": "string", "minLength": 4, "maxLength": 300},
            "example_input": {"type": "string", "maxLength": 300},
            "example_output": {"type": "string", "maxLength": 300},
            "permissions": {
                "type": "object",
                "description": "only for a tool that has to do more than compute; a person enables it first",
                "properties": dict.fromkeys(ToolPermissions.model_fields, _NAMES),
                "additionalProperties": False,
            },
        },
        "required": ["name", "purpose"],
        "additionalProperties": False,
    },
)


@dataclass(frozen=True, slots=True)
class CapabilityRequest:
    """What is missing, in the requester's words; the examples are JSON or plain text.

    `permissions` are what the tool is to declare: a proposal, which binds nobody until a person enables the tool.
    """

    name: str
    purpose: str
    example_input: str | None = None
    example_output: str | None = None
    permissions: ToolPermissions = NO_PERMISSIONS


@dataclass(frozen=True, slots=True)
class Obtained:
    """A tool that can be used from the next step on; `reused` ones existed before."""

    capability: Capability
    reused: bool
    tier: str | None = None


class CapabilitySource(Protocol):
    """Finds or makes tools."""

    async def obtain(self, request: CapabilityRequest, context: ToolContext) -> Obtained:
        """A tool for the request. Raises ToolFailedError when none could be made."""
        ...


class RequestCapabilityTool:
    """`request_capability(name, purpose, ...)`; a call that runs again goes on where it stopped."""

    def __init__(self, source: CapabilitySource, *, timeout_s: float = 600.0) -> None:
        self._source = source
        self._timeout_s = timeout_s

    @property
    def definition(self) -> ToolDefinition:
        """See Tool."""
        made = Label(origin="agent", trust=1)
        return ToolDefinition(_SPEC, SideEffect.EXTERNAL, timeout_s=self._timeout_s, output=made)

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        """See Tool."""
        said = dict(arguments)
        asked = ToolPermissions.model_validate(said.pop("permissions", {}))
        obtained = await self._source.obtain(CapabilityRequest(**said, permissions=_whole(asked)), context)
        tool = obtained.capability
        origin = "existing tool" if obtained.reused else "new tool"
        answer = f"{origin}, to be called now: {render_signature(tool.spec)}"
        return ToolOutput(answer, tier=obtained.tier, label=Label(origin="agent", trust=1).join(tool.label))


def _whole(asked: ToolPermissions) -> ToolPermissions:
    """Hosts and secrets are reached by one tool only."""
    if (asked.network or asked.secrets) and FETCH not in asked.tools:
        return asked.model_copy(update={"tools": (*asked.tools, FETCH)})
    return asked
