"""Bring the capability index in line with a tool version's row."""

from dataclasses import dataclass

from hortus_memory.ports import HybridIndex
from hortus_memory.types import IndexPoint
from hortus_server.domain.ids import TenantId, ToolVersionId
from hortus_server.ports.store import Store


@dataclass(frozen=True, slots=True)
class IndexTool:
    """Idempotent: an active version has a point, the others of its tool have none."""

    store: Store
    index: HybridIndex

    async def __call__(self, tenant_id: TenantId, version_id: ToolVersionId) -> None:
        """Raises HortusMemoryError when the index is down: the job comes again."""
        async with self.store.transaction(tenant_id) as uow:
            rows = await uow.tools.active_versions(tenant_id, [version_id])
            versions = await uow.tools.list_versions(tenant_id, rows[0][0].id) if rows else ()
        if not rows:
            await self.index.delete(str(tenant_id), [version_id])
            return
        ((tool, version),) = rows
        words = tool.name.replace("_", " ")
        point = IndexPoint(
            id=version.id,
            tenant_id=str(tenant_id),
            text=f"{tool.name} ({words}): {version.description}",
            payload={"tool_id": str(tool.id), "name": tool.name, "version": version.version},
        )
        await self.index.upsert([point])
        replaced = [other.id for other in versions if other.id != version.id]
        if replaced:
            await self.index.delete(str(tenant_id), replaced)
