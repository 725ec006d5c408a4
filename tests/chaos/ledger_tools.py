"""Tools with an effect outside, one for each policy of calls in doubt; HORTUS_WORKER_PLUGINS names `tools`."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from hortus_agents.labels import Label
from hortus_agents.messages import ToolSpec
from hortus_agents.tools.port import InDoubtPolicy, Probed, SideEffect, ToolContext, ToolDefinition, ToolOutput

PARAMETERS = {
    "type": "object",
    "properties": {"plan": {"type": "string"}, "n": {"type": "integer"}},
    "required": ["plan", "n"],
    "additionalProperties": False,
}


def noted(plan: str, n: int) -> str:
    """The result of a call."""
    return f"noted {plan}/{n}"


@dataclass(frozen=True)
class Note:
    """Writes one line into the ledger."""

    policy: InDoubtPolicy
    url: str

    @property
    def definition(self) -> ToolDefinition:
        spec = ToolSpec(name=f"note_{self.policy}", description="Notes it.", parameters=PARAMETERS)
        ours = Label(origin="tool", trust=1)  # the ledger says nothing that anybody else wrote
        return ToolDefinition(spec, SideEffect.EXTERNAL, in_doubt=self.policy, output=ours)

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        who = {"call_id": context.call_id, "run_id": str(context.run_id), "tool": self.definition.spec.name}
        async with aiohttp.ClientSession(raise_for_status=True) as http:
            await http.get(f"{self.url}/door")
            await http.post(f"{self.url}/effects", json={**who, **arguments})
        return ToolOutput(noted(**arguments))


@dataclass(frozen=True)
class ProbedNote(Note):
    """One that can look whether it did."""

    async def probe(self, arguments: Mapping[str, Any], context: ToolContext) -> Probed:
        async with aiohttp.ClientSession() as http, http.get(f"{self.url}/effects/{context.call_id}") as found:
            count = (await found.json())["count"]
        return Probed("happened", ToolOutput(noted(**arguments))) if count else Probed("did_not_happen")


def tools() -> list[Note]:
    """`note_rerun`, `note_probe`, `note_ask`."""
    url = os.environ["CHAOS_LEDGER_URL"]
    return [Note("rerun", url), ProbedNote("probe", url), Note("ask", url)]
