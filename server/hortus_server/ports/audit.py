"""The append-only log of who did what."""

from typing import Protocol

from hortus_server.domain.audit import NewAuditEntry


class AuditLog(Protocol):
    """Hash-chained per tenant, in the transaction of what it tells of."""

    async def append(self, entry: NewAuditEntry) -> None:
        """Add an entry behind the tenant's last, when the transaction commits: call it anywhere in the block.

        It is written by the transaction's last statements, so that others wait for the tenant's chain no longer than
        a commit takes; an exception out of the block leaves no entry.
        """
        ...
