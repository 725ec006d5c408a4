"""What the loop and the memory tools need of an agent's memory, in the terms of the session's log."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol
from uuid import UUID

from hortus_agents.events import MemoryRecalled, MemoryWritten, RecalledItem
from hortus_agents.labels import UNKNOWN, Label


@dataclass(frozen=True, slots=True)
class MemoryScope:
    """On whose behalf memory is read or written; `label` is that of what gets written."""

    tenant_id: UUID
    session_id: UUID
    run_id: UUID
    agent_id: UUID
    visibility: Literal["private", "tenant"]
    label: Label = UNKNOWN


class AgentMemory(Protocol):
    """Recall and remember. An unreachable index is an answer (`unavailable`), never an exception."""

    async def recall(self, query: str, *, scope: MemoryScope, limit: int) -> MemoryRecalled:
        """At most `limit` items that the agent may see, best first; items of the same run are left out."""
        ...

    async def remember(self, text: str, *, scope: MemoryScope, key: str) -> MemoryWritten:
        """Keep a note; the same `key` of the same run again is the same note."""
        ...


def label_of_items(items: Sequence[RecalledItem]) -> Label:
    """The worst of theirs; one that has none counts as untrusted."""
    worst = Label(origin="memory", trust=1)
    for item in items:
        worst = worst.join(item.label or UNKNOWN.model_copy(update={"origin": "memory", "source": item.title}))
    return worst


def render_items(items: Sequence[RecalledItem], *, limit: int) -> str:
    """Dated lines for a prompt, cut at about `limit` characters, later items first to go."""
    lines: list[str] = []
    left = limit
    for item in items:
        content = " ".join(item.content.split())
        line = f"- {item.occurred_at:%Y-%m-%d} {item.title}: {content}"[: max(left, 0)]
        if len(line) < 16:  # noqa: PLR2004 - a date and nothing else says nothing
            break
        lines.append(line)
        left -= len(line) + 1
    return "\n".join(lines)
