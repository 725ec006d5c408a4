"""The append-only log of who did what."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from hortus_server.domain.audit import EVERY_ENTRY, AuditEntry, AuditFilter, AuditHead, NewAuditEntry
from hortus_server.domain.ids import TenantId
from hortus_server.domain.records import Page
from hortus_server.ports.paging import PageRequest


class AuditLog(Protocol):
    """Hash-chained per tenant, in the transaction of what it tells of."""

    async def append(self, entry: NewAuditEntry) -> None:
        """Add an entry behind the tenant's last, when the transaction commits: call it anywhere in the block.

        It is written by the transaction's last statements, so that others wait for the tenant's chain no longer than
        a commit takes; an exception out of the block leaves no entry.
        """
        ...

    async def list(self, tenant_id: TenantId, page: PageRequest, *, which: AuditFilter) -> Page[AuditEntry]:
        """Entries, newest first."""
        ...

    async def read_after(
        self, tenant_id: TenantId, seq: int, *, limit: int, which: AuditFilter = EVERY_ENTRY
    ) -> Sequence[AuditEntry]:
        """Entries behind `seq`, oldest first."""
        ...

    async def head(self, tenant_id: TenantId) -> AuditHead | None:
        """The end of a tenant's chain; None before its first entry."""
        ...

    async def heads(self, *, after: UUID, limit: int) -> Sequence[AuditHead]:
        """The ends of all tenants' chains, by tenant id; for those who keep the machine."""
        ...
