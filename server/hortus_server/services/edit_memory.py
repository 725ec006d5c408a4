"""Put a person's words in place of what an agent remembered."""

import hashlib
from dataclasses import dataclass, replace

from hortus_server.domain.audit import SYSTEM, Actor, NewAuditEntry
from hortus_server.domain.ids import MemoryId, TenantId
from hortus_server.domain.records import Memory
from hortus_server.ports.memory_index import MemoryIndex
from hortus_server.ports.store import Store


@dataclass(frozen=True, slots=True)
class MemoryEdit:
    """What the text shall be; None leaves it."""

    title: str | None = None
    content: str | None = None

    def of(self, memory: Memory) -> Memory:
        """The memory with the change."""
        title = memory.title if self.title is None else self.title
        return replace(memory, title=title, content=memory.content if self.content is None else self.content)


async def edit_memory(
    store: Store,
    index: MemoryIndex | None,
    tenant_id: TenantId,
    *,
    memory_id: MemoryId,
    edit: MemoryEdit,
    actor: Actor = SYSTEM,
) -> Memory:
    """The memory as it is now. Raises NotFoundError, and UnavailableError when the index is down: nothing is changed.

    The point comes first, the row decides: agents and people are shown the row's text, so that a row that could not be
    written leaves the old text in force. Where it came from and what it is labelled stay: editing does not make a text
    trusted. The audit log keeps digests of both texts, since a text that is deleted later must be gone.
    """
    async with store.transaction(tenant_id) as uow:
        before = await uow.memories.get(tenant_id, memory_id)
    after = edit.of(before)
    if after == before:
        return before
    if index is not None:
        await index.put(after)
    async with store.transaction(tenant_id) as uow:
        edited = await uow.memories.edit(tenant_id, memory_id, title=after.title, content=after.content)
        detail = {"before_sha256": _digest(before), "after_sha256": _digest(edited)}
        await uow.audit.append(NewAuditEntry(tenant_id, actor, "memory.edited", f"memory:{memory_id}", detail))
    return edited


def _digest(memory: Memory) -> str:
    return hashlib.sha256(f"{memory.title}\n{memory.content}".encode()).hexdigest()
