"""The append-only log of who did what."""

from typing import Protocol

from hortus_server.domain.audit import NewAuditEntry


class AuditLog(Protocol):
    """Hash-chained per tenant, in the transaction of what it tells of."""

    async def append(self, entry: NewAuditEntry) -> None:
        """Add an entry behind the tenant's last. Holds the tenant's chain until the commit, so it comes late."""
        ...
