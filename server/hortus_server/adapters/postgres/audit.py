"""The audit log in PostgreSQL."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from hortus_server.adapters.postgres.paging import decode_seq, encode_seq, to_page
from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.audit import (
    EVERY_ENTRY,
    NO_HASH,
    Actor,
    ActorKind,
    AuditEntry,
    AuditFilter,
    AuditHead,
    NewAuditEntry,
    canonical_detail,
    canonical_json,
    chain_prefix,
    entry_body,
)
from hortus_server.domain.ids import TenantId
from hortus_server.domain.records import Page
from hortus_server.ports.paging import PageRequest

_STATEMENTS = load_statements("audit.sql")


class PostgresAudit:
    """See `AuditLog`: entries gather here until `write`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)
        self._gathered: list[NewAuditEntry] = []

    async def append(self, entry: NewAuditEntry) -> None:
        """See the port."""
        self._gathered.append(entry)

    def write(self) -> None:
        """Ask for what was gathered to be written, a statement an entry; the last of a transaction's statements."""
        # Tenants in a fixed order: transactions that lock several chains must not wait for each other.
        for entry in sorted(self._gathered, key=lambda entry: entry.tenant_id):
            detail = canonical_detail(entry.detail)
            if entry.once:
                # By itself: what the next statement sees is fixed when it begins, so it must not be that which waits.
                self._sql.count("take_turns", tenant_id=entry.tenant_id)
            self._sql.count(
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
                once=canonical_json({name: entry.detail[name] for name in entry.once}) if entry.once else None,
            )
        self._gathered.clear()

    async def list(self, tenant_id: TenantId, page: PageRequest, *, which: AuditFilter) -> Page[AuditEntry]:
        """See the port."""
        found = await self._sql.page(
            "list_entries",
            _entry,
            tenant_id=tenant_id,
            before=decode_seq(page.cursor),
            rows=page.limit + 1,
            **_parameters(which),
        )
        return to_page(found, page.limit, lambda entry: encode_seq(entry.seq))

    async def read_after(
        self, tenant_id: TenantId, seq: int, *, limit: int, which: AuditFilter = EVERY_ENTRY
    ) -> Sequence[AuditEntry]:
        """See the port."""
        return await self._sql.page(
            "entries_after", _entry, tenant_id=tenant_id, after=seq, rows=limit, **_parameters(which)
        )

    async def head(self, tenant_id: TenantId) -> AuditHead | None:
        """See the port."""
        return await self._sql.one("get_head", AuditHead, tenant_id=tenant_id)

    async def heads(self, *, after: UUID, limit: int) -> Sequence[AuditHead]:
        """See the port."""
        return await self._sql.many("list_heads", AuditHead, after=after, rows=limit)


def _parameters(which: AuditFilter) -> dict[str, object]:
    is_family = which.action is not None and which.action.endswith(".*")
    return {
        "actor": which.actor,
        "action": None if is_family else which.action,
        "family": _prefix(which.action) if which.action and is_family else None,
        "subject": which.subject,
        "since": which.since,
        "until": which.until,
    }


def _prefix(family: str) -> str:
    escaped = family[:-1].replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
    return f"{escaped}%"


def _entry(*, actor_kind: ActorKind, actor_id: str, actor_name: str, **columns: Any) -> AuditEntry:
    return AuditEntry(actor=Actor(actor_kind, actor_id, actor_name), **columns)
