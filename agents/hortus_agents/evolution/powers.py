"""What a self-made tool declares beyond computing: how its writer is told, and how its tests answer its calls."""

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from hortus_agents.errors import ToolFailedError
from hortus_agents.evolution.static_check import CALL_TOOL
from hortus_agents.sandbox.contract import AnswerTool
from hortus_agents.tools.builtin.request_capability import FETCH
from hortus_agents.tools.capability import ToolPermissions


def told_to_writer(permissions: ToolPermissions) -> str:
    """What the code may do, one sentence each; empty for a pure function."""
    said = []
    if permissions.tools:
        said.append(
            f'It may call these tools: {", ".join(permissions.tools)}. call_tool("NAME", argument=value) is there '
            "already and returns the tool's text; write the name as a string."
        )
    if permissions.network:
        said.append(f"http_get(url) reaches these hosts only: {', '.join(permissions.network)}.")
    if permissions.secrets:
        said.append("The server adds credentials to its requests; the code never sees one.")
    if permissions.writes:
        said.append(f"It may open these files in the working folder: {', '.join(permissions.writes)}.")
    return " ".join(said)


def told_to_tester(permissions: ToolPermissions) -> str:
    """How cases stand in for what is not there in a test; empty where nothing is missing."""
    if not permissions.tools:
        return ""
    return 'In each case give also "answers": the texts that its calls of call_tool return, in order.'


def narrowed(permissions: ToolPermissions, source: str) -> ToolPermissions:
    """What of it a source makes use of: nobody has to grant the rest, and a pure function stays one."""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return permissions  # the static check says what is wrong with it
    called = {
        node.args[0].value
        for node in nodes
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == CALL_TOOL
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    fetches = FETCH in called
    opens = any(isinstance(node, ast.Name) and node.id == "open" for node in nodes)
    return ToolPermissions(
        network=permissions.network if fetches else (),
        secrets=permissions.secrets if fetches else (),
        writes=permissions.writes if opens else (),
        tools=tuple(name for name in permissions.tools if name in called),
    )


def stand_in(answers: Sequence[str]) -> AnswerTool:
    """Answers calls of tools in a test: nothing outside is reached."""
    left = list(answers)

    async def answer(name: str, _arguments: Mapping[str, Any]) -> str:
        if not left:
            raise ToolFailedError(f"this test has no further answer for a call of {name}")
        return left.pop(0)

    return answer
