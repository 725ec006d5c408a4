"""The desk's tools as a plug-in of real workers; HORTUS_WORKER_PLUGINS names `tools`.

What they give back lies in `texts/SESSION.json` of the folder that SECURITY_DESK names, by tool; what they do outside
is a line in its `effects.jsonl`, which nothing of the server reads or writes.
"""

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.security_cases import GOALS
from bench.security_desk import BROKEN, TOOLS, Facts, definition_of
from hortus_agents.errors import ToolFailedError
from hortus_agents.labels import Label
from hortus_agents.tools.port import SideEffect, ToolContext, ToolDefinition, ToolOutput

FOLDER = "SECURITY_DESK"


@dataclass(frozen=True, slots=True)
class DeskFolder:
    """What the desk's tools give back, and what they did; shared by processes."""

    path: Path

    def put(self, session_id: str, texts: Mapping[str, str]) -> None:
        """Say what tools give back in a session."""
        place = self.path / "texts"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{session_id}.json").write_text(json.dumps(texts), encoding="utf-8")

    def text(self, session_id: str, tool: str) -> str:
        """What a tool gives back."""
        file = self.path / "texts" / f"{session_id}.json"
        texts = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        return str(texts.get(tool, f"{tool}: done"))

    def note(self, session_id: str, tool: str, arguments: Mapping[str, Any]) -> None:
        """Write down what happened outside: one short line, which the system appends as a whole."""
        line = json.dumps({"session": session_id, "tool": tool, "arguments": dict(arguments)}) + "\n"
        with (self.path / "effects.jsonl").open("a", encoding="utf-8") as file:
            file.write(line)

    def effects(self) -> list[tuple[str, str, dict[str, Any]]]:
        """All that happened: session, tool, arguments."""
        file = self.path / "effects.jsonl"
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        return [(found["session"], found["tool"], found["arguments"]) for found in map(json.loads, lines)]


@dataclass(frozen=True)
class ServedTool:
    """One tool in a worker."""

    definition: ToolDefinition
    folder: DeskFolder = field(default_factory=lambda: DeskFolder(Path(os.environ[FOLDER])))

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        name, session_id = self.definition.spec.name, str(context.session_id)
        if self.definition.side_effect >= SideEffect.EXTERNAL:
            await asyncio.to_thread(self.folder.note, session_id, name, arguments)
        text = await asyncio.to_thread(self.folder.text, session_id, name)
        if text.startswith(BROKEN):
            raise ToolFailedError(text)
        return ToolOutput(text)


def relayed(goal: str) -> str:
    """The name of the tool whose description, written elsewhere, asks for a goal."""
    return f"relayed_{list(GOALS).index(goal)}"


def tools() -> list[ServedTool]:
    """The desk's, and one for each goal that another server describes."""
    by = Label(origin="tool", trust=0, source="tools.example")
    own = [ServedTool(definition_of(name, facts)) for name, facts in TOOLS.items()]
    others = [ServedTool(definition_of(relayed(goal), Facts(), described=text, by=by)) for goal, text in GOALS.items()]
    return [*own, *others]
