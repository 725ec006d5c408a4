"""What the API needs of the vector index; the rows in PostgreSQL stay the truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from hortus_agents.events import RecallReason
from hortus_server.domain.ids import AgentId, MemoryId, TenantId
from hortus_server.domain.records import Memory


@dataclass(frozen=True, slots=True)
class MemoryHit:
    """A memory that a search found; scores order the hits of one search and mean nothing across searches."""

    memory_id: MemoryId
    score: float
    why: RecallReason


@dataclass(frozen=True, slots=True)
class MemoryHits:
    """Best first; `low_confidence` says that none of them may fit."""

    items: tuple[MemoryHit, ...]
    low_confidence: bool


class MemoryIndex(Protocol):
    """Raises UnavailableError when the index or the embedder does not answer in time."""

    async def search(
        self, tenant_id: TenantId, query: str, *, limit: int, agent_id: AgentId | None = None
    ) -> MemoryHits:
        """Hybrid search in one tenant, narrowed to what one agent may recall if given."""
        ...

    async def put(self, memory: Memory) -> None:
        """Hold a memory as it is now; the same id again replaces what was there."""
        ...

    async def forget(self, tenant_id: TenantId, ids: Sequence[MemoryId]) -> None:
        """Delete points; absent ones do not matter."""
        ...
