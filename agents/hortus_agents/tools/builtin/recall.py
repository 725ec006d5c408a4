"""Search the agent's memory."""

from collections.abc import Mapping
from typing import Any

from hortus_agents.errors import ToolFailedError
from hortus_agents.labels import Label
from hortus_agents.messages import ToolSpec
from hortus_agents.tools.memory import AgentMemory, MemoryScope, label_of_items, render_items
from hortus_agents.tools.port import SideEffect, ToolContext, ToolDefinition, ToolOutput

_SPEC = ToolSpec(
    name="recall",
    description="Search memory of past sessions.",
    parameters={
        "type": "object",
        "properties": {"query": {"type": "string", "minLength": 1, "maxLength": 500}},
        "required": ["query"],
        "additionalProperties": False,
    },
)
_RENDER_LIMIT = 4_000  # characters


class RecallTool:
    """`recall(query)`; what it found is also a `memory.recalled` event."""

    def __init__(self, memory: AgentMemory) -> None:
        self._memory = memory

    @property
    def definition(self) -> ToolDefinition:
        """See Tool."""
        return ToolDefinition(_SPEC, SideEffect.READ, output=Label(origin="memory", trust=0))

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        """See Tool."""
        limit = context.spec.memory.recall_limit or 1
        found = await self._memory.recall(str(arguments["query"]), scope=memory_scope(context), limit=limit)
        await context.emit([found])
        if found.unavailable:
            raise ToolFailedError("memory cannot be searched right now")
        if not found.items:
            return ToolOutput("nothing found", label=Label(origin="memory", trust=1))
        text = render_items(found.items, limit=_RENDER_LIMIT)
        said = f"nothing surely related; the closest:\n{text}" if found.low_confidence else text
        return ToolOutput(said, label=label_of_items(found.items))


def memory_scope(context: ToolContext) -> MemoryScope:
    """The scope in which a caller reads and writes."""
    return MemoryScope(
        tenant_id=context.tenant_id,
        session_id=context.session_id,
        run_id=context.run_id,
        agent_id=context.agent_id,
        visibility=context.spec.memory.visibility,
        label=context.labels.mark(Label(origin="memory", trust=1)),
    )
