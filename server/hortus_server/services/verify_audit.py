"""Check a tenant's audit log against its hashes, its head and anchors that were kept elsewhere."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from hortus_server.domain.audit import EVERY_ENTRY, AuditEntry, AuditFilter, AuditHead
from hortus_server.domain.audit_chain import ChainCheck, Finding
from hortus_server.domain.ids import TenantId
from hortus_server.ports.store import Store

BATCH: Final = 1_000
FIRST_TENANT: Final = UUID(int=0)
NO_ANCHORS: Final[Mapping[int, str]] = {}


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What was looked at, and what was found."""

    tenant_id: TenantId
    entries: int
    head: AuditHead | None
    findings: tuple[Finding, ...]

    @property
    def intact(self) -> bool:
        """Nothing was edited, moved, removed or cut off, as far as hashes and anchors tell."""
        return not self.findings


async def verify_audit(store: Store, tenant_id: TenantId, *, anchors: Mapping[int, str] = NO_ANCHORS) -> AuditReport:
    """Read the whole log, `BATCH` entries at a time; entries that are added meanwhile are not looked at."""
    async with store.transaction(tenant_id) as uow:
        head = await uow.audit.head(tenant_id)
    check = ChainCheck(tenant_id, anchors)
    async for entry in read_audit(store, tenant_id):
        if head is not None and entry.seq > head.seq:
            break
        check.look(entry)
    check.end(head)
    return AuditReport(tenant_id, check.entries, head, tuple(check.findings))


async def read_audit(
    store: Store, tenant_id: TenantId, *, which: AuditFilter = EVERY_ENTRY
) -> AsyncIterator[AuditEntry]:
    """Entries, oldest first, a page in a transaction."""
    last = 0
    while True:
        async with store.transaction(tenant_id) as uow:
            page = await uow.audit.read_after(tenant_id, last, limit=BATCH, which=which)
        for entry in page:
            yield entry
        if len(page) < BATCH:
            return
        last = page[-1].seq


async def audited_tenants(store: Store) -> AsyncIterator[AuditHead]:
    """The heads of all tenants' logs."""
    after = FIRST_TENANT
    while True:
        async with store.system_transaction() as uow:
            page = await uow.audit.heads(after=after, limit=BATCH)
        for head in page:
            yield head
        if len(page) < BATCH:
            return
        after = page[-1].tenant_id
