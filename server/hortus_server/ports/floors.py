"""What services need of the sensitivity that people give by hand."""

from typing import Protocol

from hortus_agents.labels import Sensitivity
from hortus_server.domain.floors import Floor
from hortus_server.domain.ids import TenantId


class FloorRepository(Protocol):
    """Floors of a tenant and of its tools. Every change gives the tenant's policies their next revision."""

    async def list(self, tenant_id: TenantId) -> tuple[Floor, ...]:
        """All of them, the tenant's own first, then by name."""
        ...

    async def set(self, tenant_id: TenantId, tool: str, sensitivity: Sensitivity, *, reason: str, by: str) -> None:
        """Put one in the place of what there was; 0 takes it back."""
        ...
