"""Facts about the built-in tools, for who judges calls and runs none."""

from typing import Any

from hortus_agents.tools.builtin.ask_human import AskHumanTool
from hortus_agents.tools.builtin.calculate import CalculateTool
from hortus_agents.tools.builtin.http_get import HttpGetSettings, HttpGetTool
from hortus_agents.tools.builtin.python import PythonTool
from hortus_agents.tools.builtin.read_untrusted import ReadUntrustedTool
from hortus_agents.tools.builtin.recall import RecallTool
from hortus_agents.tools.builtin.remember import RememberTool
from hortus_agents.tools.builtin.request_capability import RequestCapabilityTool
from hortus_agents.tools.builtin.timer import SleepTool, WaitUntilTool
from hortus_agents.tools.port import Tool, ToolDefinition


def builtin_definitions() -> dict[str, ToolDefinition]:
    """By name."""
    nothing: Any = None  # a definition asks no port
    tools: tuple[Tool, ...] = (
        CalculateTool(),
        HttpGetTool(HttpGetSettings()),
        AskHumanTool(),
        SleepTool(),
        WaitUntilTool(),
        ReadUntrustedTool(nothing),
        RecallTool(nothing),
        RememberTool(nothing),
        PythonTool(nothing),
        RequestCapabilityTool(nothing),
    )
    return {tool.definition.spec.name: tool.definition for tool in tools}
