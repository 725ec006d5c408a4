"""Run a script in the sandbox."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from hortus_agents.errors import ToolRetryError
from hortus_agents.events import KeptFile
from hortus_agents.labels import Label
from hortus_agents.messages import ToolSpec
from hortus_agents.sandbox.contract import (
    DEFAULT_LIMITS,
    FILE_NAME,
    OUTPUT_FILES,
    CallExtras,
    Sandbox,
    SandboxLimits,
    SandboxOutcome,
)
from hortus_agents.tools.port import SideEffect, ToolContext, ToolDefinition, ToolOutput

_SPEC = ToolSpec(
    name="python",
    description=(
        "Run a Python script (standard library, no network); print the result. "
        "call_tool('name', a=1) calls another of your tools."
    ),
    parameters={
        "type": "object",
        "properties": {
            "code": {"type": "string", "minLength": 1, "maxLength": 20_000},
            "outputs": {
                "type": "array",
                "items": {"type": "string", "pattern": f"^{FILE_NAME.pattern}$"},
                "maxItems": OUTPUT_FILES,
                "description": "files that the script writes and that are to be kept",
            },
        },
        "required": ["code"],
        "additionalProperties": False,
    },
)
StoreFile = Callable[[str, bytes], Awaitable[KeptFile]]
"""Keeps a file's bytes, by its name, and says under what."""

_ERROR_TAIL = 800  # characters of a traceback: its end says what went wrong


class PythonTool:
    """`python(code)`: output and the last expression's value; every call gets a fresh jail."""

    def __init__(
        self, sandbox: Sandbox, store_file: StoreFile | None = None, *, limits: SandboxLimits = DEFAULT_LIMITS
    ) -> None:
        self._sandbox = sandbox
        self._limits = limits
        self._store_file = store_file

    @property
    def definition(self) -> ToolDefinition:
        """See Tool."""
        return ToolDefinition(_SPEC, SideEffect.SCRATCH, output=Label(origin="tool", trust=1))

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        """See Tool."""
        outputs = tuple(arguments.get("outputs", ())) if self._store_file is not None else ()
        extras = CallExtras(outputs=outputs, answer_tool=context.call_tool)
        result = await self._sandbox.run_script(str(arguments["code"]), limits=self._limits, extras=extras)
        if result.outcome is not SandboxOutcome.OK:
            printed = f"{result.stdout[-_ERROR_TAIL:]}\n" if result.stdout else ""
            raise ToolRetryError(f"{printed}{result.outcome.value}: {result.error[-_ERROR_TAIL:]}")
        value = "" if result.value in {None, "None"} else str(result.value)
        kept = tuple([await self._store_file(*file) for file in result.files.items()] if self._store_file else ())
        told = (f"[file {file.name}: {file.size} bytes, artifact {file.sha256}]" for file in kept)
        text = "\n".join(part for part in (result.stdout.rstrip(), value, *told) if part)
        return ToolOutput(text or "(no output: print what you need)", tier=result.tier, files=kept)
