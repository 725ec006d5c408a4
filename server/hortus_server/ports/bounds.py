"""How many of a kind a tenant has."""

from typing import Protocol
from uuid import UUID

from hortus_server.domain.bounds import Bounded
from hortus_server.domain.ids import TenantId


class BoundRepository(Protocol):
    """Counts of what is bounded."""

    async def count(self, tenant_id: TenantId, kind: Bounded, *, of: UUID | None, most: int) -> int:
        """How many there are, counted up to `most`; of an agent's or policy's versions with its id.

        Whoever else asks for the same waits until this transaction ends, so that the bound is exact.
        """
        ...
