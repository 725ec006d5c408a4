"""Run a script in the sandbox."""

from collections.abc import Mapping
from typing import Any

from hortus_agents.errors import ToolRetryError
from hortus_agents.labels import Label
from hortus_agents.messages import ToolSpec
from hortus_agents.sandbox.contract import Sandbox, SandboxOutcome
from hortus_agents.tools.port import SideEffect, ToolContext, ToolDefinition, ToolOutput

_SPEC = ToolSpec(
    name="python",
    description="Run a Python script (standard library, no network); print the result.",
    parameters={
        "type": "object",
        "properties": {"code": {"type": "string", "minLength": 1, "maxLength": 20_000}},
        "required": ["code"],
        "additionalProperties": False,
    },
)
_ERROR_TAIL = 800  # characters of a traceback: its end says what went wrong


class PythonTool:
    """`python(code)`: output and the last expression's value; every call gets a fresh jail."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    @property
    def definition(self) -> ToolDefinition:
        """See Tool."""
        return ToolDefinition(_SPEC, SideEffect.SCRATCH, output=Label(origin="tool", trust=1))

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:  # noqa: ARG002
        """See Tool."""
        result = await self._sandbox.run_script(str(arguments["code"]))
        if result.outcome is not SandboxOutcome.OK:
            printed = f"{result.stdout[-_ERROR_TAIL:]}\n" if result.stdout else ""
            raise ToolRetryError(f"{printed}{result.outcome.value}: {result.error[-_ERROR_TAIL:]}")
        value = "" if result.value in {None, "None"} else str(result.value)
        text = "\n".join(part for part in (result.stdout.rstrip(), value) if part)
        return ToolOutput(text or "(no output: print what you need)", tier=result.tier)
