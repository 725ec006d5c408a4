"""Forget one memory."""

import structlog

from hortus_server.domain.audit import SYSTEM, Actor, NewAuditEntry
from hortus_server.domain.errors import HortusError
from hortus_server.domain.ids import MemoryId, TenantId
from hortus_server.ports.memory_index import MemoryIndex
from hortus_server.ports.store import Store

log = structlog.get_logger()


async def delete_memory(
    store: Store, index: MemoryIndex | None, tenant_id: TenantId, *, memory_id: MemoryId, actor: Actor = SYSTEM
) -> None:
    """Delete the row, then the point. Raises NotFoundError.

    The row decides: a point that is left because the index is down is dropped from every search for want of a row.
    """
    async with store.transaction(tenant_id) as uow:
        await uow.memories.delete(tenant_id, memory_id)
        await uow.audit.append(NewAuditEntry(tenant_id, actor, "memory.deleted", f"memory:{memory_id}"))
    if index is None:
        return
    try:
        await index.forget(tenant_id, [memory_id])
    except HortusError as error:
        log.warning("memory_point_left", memory_id=str(memory_id), error=str(error))
