"""Give a plan up for another one."""

from collections.abc import Mapping
from typing import Any

from hortus_agents.labels import Label
from hortus_agents.messages import ToolSpec
from hortus_agents.tools.port import SideEffect, ToolContext, ToolDefinition, ToolOutput

_SPEC = ToolSpec(
    name="revise_plan",
    description="Plan anew, since the plan cannot go on.",
    parameters={
        "type": "object",
        "properties": {"reason": {"type": "string", "minLength": 1, "maxLength": 500}},
        "required": ["reason"],
        "additionalProperties": False,
    },
)


class RevisePlanTool:
    """`revise_plan(reason)`, called by the loop itself and offered to no model; a person may have to let it."""

    @property
    def definition(self) -> ToolDefinition:
        """See Tool. Once untrusted text was read, it may be what makes a plan fail: hence `steers`."""
        return ToolDefinition(_SPEC, SideEffect.SCRATCH, output=Label(origin="system", trust=2), steers=True)

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:  # noqa: ARG002 - see Tool
        """See Tool."""
        return ToolOutput("the plan may be made anew")
