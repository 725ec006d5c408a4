"""Take an evolved tool out of use."""

from hortus_server.domain.ids import TenantId, ToolId
from hortus_server.domain.records import Tool
from hortus_server.ports.store import Store


async def disable_tool(store: Store, tenant_id: TenantId, *, key: ToolId | str, reason: str) -> Tool:
    """From the commit on no run binds or calls its active version. Raises NotFoundError."""
    async with store.transaction(tenant_id) as uow:
        tool = await uow.tools.get(tenant_id, key)
        return await uow.tools.disable(tenant_id, tool.id, reason=reason)
