"""Raise by hand how sensitive things count, and take that back; never below what labels say."""

from dataclasses import dataclass

from hortus_agents.labels import Sensitivity
from hortus_server.domain.audit import Actor, NewAuditEntry
from hortus_server.domain.floors import Floor
from hortus_server.domain.ids import MemoryId, TenantId
from hortus_server.domain.records import Memory
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.services.demand_room import demand_room

WHOLE_TENANT = ""


@dataclass(frozen=True, slots=True)
class Raise:
    """The least sensitivity that counts from now on, and why; 0 takes back what was said before."""

    sensitivity: Sensitivity
    reason: str


@dataclass(frozen=True, slots=True)
class ChangeSensitivity:
    """Holds for the next call of every run, those under way included. No agent has a way here."""

    store: Store
    tenant_id: TenantId
    actor: Actor

    async def of_tenant(self, change: Raise) -> tuple[Floor, ...]:
        """Of all that the tenant's runs read; all floors as they are now."""
        return await self._floor(WHOLE_TENANT, change, subject=f"tenant:{self.tenant_id}")

    async def of_tool(self, name: str, change: Raise) -> tuple[Floor, ...]:
        """Of what a tool gives back, whoever made it; all floors as they are now.

        The tool need not exist yet. Raises ConflictError where there is no room.
        """
        return await self._floor(name, change, subject=f"tool:{name}")

    async def of_memory(self, memory_id: MemoryId, change: Raise) -> Memory:
        """Of one memory, from its next recall on. Raises NotFoundError."""
        async with self.store.transaction(self.tenant_id) as uow:
            before = await uow.memories.get(self.tenant_id, memory_id)
            await uow.memories.set_floor(self.tenant_id, memory_id, change.sensitivity or None)
            await self._note(uow, f"memory:{memory_id}", before.sensitivity_floor or 0, change)
            return await uow.memories.get(self.tenant_id, memory_id)

    async def _floor(self, tool: str, change: Raise, *, subject: str) -> tuple[Floor, ...]:
        async with self.store.transaction(self.tenant_id) as uow:
            known = {floor.tool: floor.sensitivity for floor in await uow.floors.list(self.tenant_id)}
            if change.sensitivity and tool not in known:
                await demand_room(uow, self.tenant_id, "sensitivity floors")
            await uow.floors.set(
                self.tenant_id, tool, change.sensitivity, reason=change.reason, by=self.actor.name or self.actor.id
            )
            await self._note(uow, subject, known.get(tool, 0), change)
            return await uow.floors.list(self.tenant_id)

    async def _note(self, uow: UnitOfWork, subject: str, before: int, change: Raise) -> None:
        action = "sensitivity.lowered" if change.sensitivity < before else "sensitivity.raised"
        detail = {"before": before, "after": change.sensitivity, "reason": change.reason}
        await uow.audit.append(NewAuditEntry(self.tenant_id, self.actor, action, subject, dict(detail)))
