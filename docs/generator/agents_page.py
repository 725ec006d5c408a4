"""docs/agent-definition.md: what a definition of an agent may say."""

from typing import cast

from pydantic import BaseModel
from tables import MADE, field_table, prose

from hortus_agents.spec import AgentSpec


def agents_page() -> str:
    """What a definition may say."""
    text = f"""# Definition of an agent
{MADE}
The `spec` of `POST /v1/agents` and of a version; `hortus agent create NAME --spec FILE.json` takes the same. What is
left out takes its default; unknown fields are refused. What the parts do with it: [guides/agents.md](guides/agents.md).

{field_table(AgentSpec)}"""
    for name in ("memory", "evolution", "limits", "loop_breaker"):
        part = cast("type[BaseModel]", AgentSpec.model_fields[name].annotation)
        text += f"\n## `{name}`\n\n{prose(part.__doc__)}\n\n{field_table(part)}"
    return text
