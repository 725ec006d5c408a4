"""Ask a person, and wait for the answer without holding a worker."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hortus_agents.errors import ToolFailedError
from hortus_agents.labels import Label
from hortus_agents.messages import ToolSpec
from hortus_agents.tools.port import AskPerson, SideEffect, ToolContext, ToolDefinition, ToolOutput

_SPEC = ToolSpec(
    name="ask_human",
    description="Ask a person a question and wait for the answer.",
    parameters={
        "type": "object",
        "properties": {
            "question": {"type": "string", "minLength": 1, "maxLength": 2000},
            "choices": {
                "type": "array",
                "items": {"type": "string", "minLength": 1, "maxLength": 200},
                "maxItems": 20,
                "uniqueItems": True,
            },
        },
        "required": ["question"],
        "additionalProperties": False,
    },
)


class AskHumanTool:
    """`ask_human(question, choices?)`; the answer is the result, in the person's own words."""

    @property
    def definition(self) -> ToolDefinition:
        """See Tool."""
        return ToolDefinition(_SPEC, SideEffect.READ, output=Label(origin="system", trust=2))

    def wait(self, arguments: Mapping[str, Any], *, now: datetime) -> AskPerson:  # noqa: ARG002 - see WaitingTool
        """See WaitingTool."""
        return AskPerson(str(arguments["question"]), tuple(arguments.get("choices", ())))

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:  # noqa: ARG002 - see Tool
        """Never reached by the loop, which waits instead."""
        raise ToolFailedError("a question is answered by a person, not by a call")
