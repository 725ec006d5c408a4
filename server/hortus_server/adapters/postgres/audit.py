"""The audit log in PostgreSQL."""

from typing import Any

from psycopg import AsyncConnection

from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.audit import NO_HASH, NewAuditEntry, canonical_detail, chain_prefix, entry_body

_STATEMENTS = load_statements("audit.sql")


class PostgresAudit:
    """See `AuditLog`: entries gather here until `write`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)
        self._gathered: list[NewAuditEntry] = []

    async def append(self, entry: NewAuditEntry) -> None:
        """See the port."""
        self._gathered.append(entry)

    async def write(self) -> None:
        """Write what was gathered, a statement an entry; the last of a transaction's statements."""
        # Tenants in a fixed order: transactions that lock several chains must not wait for each other.
        for entry in sorted(self._gathered, key=lambda entry: entry.tenant_id):
            detail = canonical_detail(entry.detail)
            await self._sql.count(
                "append_entry",
                tenant_id=entry.tenant_id,
                prefix=chain_prefix(entry.tenant_id),
                no_hash=NO_HASH,
                body=entry_body(entry.actor, entry.action, entry.subject, detail),
                actor_kind=entry.actor.kind,
                actor_id=entry.actor.id,
                actor_name=entry.actor.name,
                action=entry.action,
                subject=entry.subject,
                detail=detail,
            )
        self._gathered.clear()
