"""What changed between two versions of an agent."""

from dataclasses import dataclass
from typing import Any

from hortus_server.domain.ids import AgentId, TenantId
from hortus_server.ports.store import Store


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One leaf of the definition that differs; `path` is dotted, as in `memory.recall_limit`."""

    path: str
    before: Any
    after: Any


async def diff_agent_versions(
    store: Store, tenant_id: TenantId, *, key: AgentId | str, before: int, after: int
) -> tuple[FieldChange, ...]:
    """Changed leaves by path; empty when both say the same. Raises NotFoundError."""
    async with store.transaction(tenant_id) as uow:
        agent = await uow.agents.get(tenant_id, key)
        old = await uow.agents.get_version(tenant_id, agent.id, before)
        new = await uow.agents.get_version(tenant_id, agent.id, after)
    was, now = _leaves(old.spec.model_dump(mode="json")), _leaves(new.spec.model_dump(mode="json"))
    return tuple(
        FieldChange(path, was.get(path), now.get(path))
        for path in sorted(was.keys() | now.keys())
        if was.get(path) != now.get(path)
    )


def _leaves(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    leaves: dict[str, Any] = {}
    for name, item in value.items():
        if isinstance(item, dict):
            leaves |= _leaves(item, f"{prefix}{name}.")
        else:
            leaves[f"{prefix}{name}"] = item
    return leaves
