"""Write a note into the agent's memory."""

from collections.abc import Mapping
from typing import Any

from hortus_agents.labels import Label
from hortus_agents.messages import ToolSpec
from hortus_agents.tools.builtin.recall import memory_scope
from hortus_agents.tools.memory import AgentMemory
from hortus_agents.tools.port import SideEffect, ToolContext, ToolDefinition, ToolOutput

_SPEC = ToolSpec(
    name="remember",
    description="Keep a short note for later sessions.",
    parameters={
        "type": "object",
        "properties": {"text": {"type": "string", "minLength": 1, "maxLength": 2000}},
        "required": ["text"],
        "additionalProperties": False,
    },
)


class RememberTool:
    """`remember(text)`; the call's id is the note's key, so that a call that runs again writes one note."""

    def __init__(self, memory: AgentMemory) -> None:
        self._memory = memory

    @property
    def definition(self) -> ToolDefinition:
        """See Tool."""
        said = Label(origin="system", trust=2)
        return ToolDefinition(_SPEC, SideEffect.EXTERNAL, output=said, own_words=True, content_arguments=("text",))

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        """See Tool."""
        written = await self._memory.remember(str(arguments["text"]), scope=memory_scope(context), key=context.call_id)
        await context.emit([written])
        return ToolOutput("noted")
