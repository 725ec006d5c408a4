"""What services need of the rows behind the vector index."""

from typing import Protocol

from hortus_agents.labels import Sensitivity
from hortus_server.domain.ids import AgentId, MemoryId, TenantId
from hortus_server.domain.records import Memory, Page
from hortus_server.ports.paging import PageRequest


class MemoryRepository(Protocol):
    """Episodes and notes: the truth behind the vector index."""

    async def add(self, memory: Memory) -> bool:
        """Store; False when this id is there already (ids are derived from what they remember)."""
        ...

    async def mark_indexed(self, tenant_id: TenantId, memory_id: MemoryId) -> None:
        """The index holds it now."""
        ...

    async def get(self, tenant_id: TenantId, memory_id: MemoryId) -> Memory:
        """Raises NotFoundError."""
        ...

    async def list(self, tenant_id: TenantId, page: PageRequest, *, agent_id: AgentId | None = None) -> Page[Memory]:
        """Newest first."""
        ...

    async def edit(self, tenant_id: TenantId, memory_id: MemoryId, *, title: str, content: str) -> Memory:
        """Another text in its place, which the index holds already. Raises NotFoundError."""
        ...

    async def delete(self, tenant_id: TenantId, memory_id: MemoryId) -> None:
        """Raises NotFoundError."""
        ...

    async def set_floor(self, tenant_id: TenantId, memory_id: MemoryId, sensitivity: Sensitivity | None) -> None:
        """What counts at least, by hand; None: what the label says. Raises NotFoundError."""
        ...
