"""What the loop and the memory tools need of an agent's memory, in the terms of the session's log."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol
from uuid import UUID

from hortus_agents.events import MemoryRecalled, MemoryWritten, RecalledItem


@dataclass(frozen=True, slots=True)
class MemoryScope:
    """On whose behalf memory is read or written."""

    tenant_id: UUID
    session_id: UUID
    run_id: UUID
    agent_id: UUID
    visibility: Literal["private", "tenant"]


class AgentMemory(Protocol):
    """Recall and remember. An unreachable index is an answer (`unavailable`), never an exception."""

    async def recall(self, query: str, *, scope: MemoryScope, limit: int) -> MemoryRecalled:
        """At most `limit` items that the agent may see, best first; items of the same run are left out."""
        ...

    async def remember(self, text: str, *, scope: MemoryScope, key: str) -> MemoryWritten:
        """Keep a note; the same `key` of the same run again is the same note."""
        ...


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
