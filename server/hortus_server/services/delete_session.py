"""Forget a conversation, and what was remembered from it."""

import structlog

from hortus_server.domain.audit import SYSTEM, Actor, NewAuditEntry
from hortus_server.domain.errors import HortusError
from hortus_server.domain.ids import SessionId, TenantId
from hortus_server.ports.memory_index import MemoryIndex
from hortus_server.ports.store import Store

log = structlog.get_logger()


async def delete_session(
    store: Store, index: MemoryIndex | None, tenant_id: TenantId, *, session_id: SessionId, actor: Actor = SYSTEM
) -> None:
    """Delete the session, its log, runs and memories; the index's points follow after the commit.

    Raises NotFoundError, and ConflictError while a run is not terminal. A point that outlives its row because the
    index is down is never returned: recall drops hits without a row.
    """
    async with store.transaction(tenant_id) as uow:
        memories = await uow.sessions.delete(tenant_id, session_id)
        detail = {"memories": len(memories)}
        await uow.audit.append(NewAuditEntry(tenant_id, actor, "session.deleted", f"session:{session_id}", detail))
    if index is None or not memories:
        return
    try:
        await index.forget(tenant_id, memories)
    except HortusError as error:
        log.warning("memory_points_left", session_id=str(session_id), points=len(memories), error=str(error))
