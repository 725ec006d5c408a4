"""Find memories by meaning and by words."""

from dataclasses import dataclass

from hortus_agents.events import RecallReason
from hortus_server.domain.errors import NotFoundError, UnavailableError
from hortus_server.domain.ids import AgentId, TenantId
from hortus_server.domain.records import Memory
from hortus_server.ports.memory_index import MemoryIndex
from hortus_server.ports.store import Store


@dataclass(frozen=True, slots=True)
class FoundMemory:
    """A memory, how well it fits, comparable within one search only, and why it was found."""

    memory: Memory
    score: float
    why: RecallReason


@dataclass(frozen=True, slots=True)
class FoundMemories:
    """Best first; `low_confidence` says that none of them may fit."""

    items: tuple[FoundMemory, ...]
    low_confidence: bool


@dataclass(frozen=True, slots=True)
class SearchMemories:
    """Ask the index, then read the rows; a point without a row is left out."""

    store: Store
    index: MemoryIndex | None

    async def __call__(
        self, tenant_id: TenantId, query: str, *, limit: int, agent: AgentId | str | None = None
    ) -> FoundMemories:
        """Raises UnavailableError when there is no index or it is down, NotFoundError for an unknown agent."""
        if self.index is None:
            raise UnavailableError("memory", "this server runs without a vector index")
        agent_id = None
        if agent is not None:
            async with self.store.transaction(tenant_id) as uow:
                agent_id = (await uow.agents.get(tenant_id, agent)).id
        hits = await self.index.search(tenant_id, query, limit=limit, agent_id=agent_id)
        found: list[FoundMemory] = []
        async with self.store.transaction(tenant_id) as uow:
            for hit in hits.items:
                try:
                    found.append(FoundMemory(await uow.memories.get(tenant_id, hit.memory_id), hit.score, hit.why))
                except NotFoundError:
                    continue
        return FoundMemories(tuple(found), hits.low_confidence or not found)
