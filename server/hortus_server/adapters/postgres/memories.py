"""Episodes and notes in PostgreSQL."""

from dataclasses import asdict
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from hortus_agents.labels import Sensitivity
from hortus_server.adapters.postgres import rows
from hortus_server.adapters.postgres.paging import decode_timed, encode_timed, to_page
from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.errors import NotFoundError
from hortus_server.domain.ids import AgentId, MemoryId, TenantId
from hortus_server.domain.records import Memory, Page
from hortus_server.ports.paging import PageRequest

_STATEMENTS = load_statements("memories.sql")


class PostgresMemories:
    """See `MemoryRepository`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def add(self, memory: Memory) -> bool:
        """See the port."""
        label = None if memory.label is None else Jsonb(memory.label.model_dump())
        return bool(await self._sql.count("add_memory", **{**asdict(memory), "label": label}))

    async def mark_indexed(self, tenant_id: TenantId, memory_id: MemoryId) -> None:
        """See the port."""
        await self._sql.count("mark_indexed", tenant_id=tenant_id, memory_id=memory_id)

    async def get(self, tenant_id: TenantId, memory_id: MemoryId) -> Memory:
        """See the port."""
        memory = await self._sql.one("get_memory", rows.memory, tenant_id=tenant_id, memory_id=memory_id)
        if memory is None:
            raise NotFoundError("memory", memory_id)
        return memory

    async def list(self, tenant_id: TenantId, page: PageRequest, *, agent_id: AgentId | None = None) -> Page[Memory]:
        """See the port."""
        before_at, before = decode_timed(page.cursor)
        memories = await self._sql.page(
            "list_memories",
            rows.memory,
            tenant_id=tenant_id,
            agent_id=agent_id,
            before_at=before_at,
            before=before,
            rows=page.limit + 1,
        )
        return to_page(memories, page.limit, lambda memory: encode_timed(memory.created_at, memory.id))

    async def edit(self, tenant_id: TenantId, memory_id: MemoryId, *, title: str, content: str) -> Memory:
        """See the port."""
        await self._sql.count("edit_memory", tenant_id=tenant_id, memory_id=memory_id, title=title, content=content)
        return await self.get(tenant_id, memory_id)

    async def delete(self, tenant_id: TenantId, memory_id: MemoryId) -> None:
        """See the port."""
        if not await self._sql.count("delete_memory", tenant_id=tenant_id, memory_id=memory_id):
            raise NotFoundError("memory", memory_id)

    async def set_floor(self, tenant_id: TenantId, memory_id: MemoryId, sensitivity: Sensitivity | None) -> None:
        """See the port."""
        if not await self._sql.count(
            "set_memory_floor", tenant_id=tenant_id, memory_id=memory_id, sensitivity=sensitivity
        ):
            raise NotFoundError("memory", memory_id)
