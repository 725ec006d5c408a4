"""Write the heads of audit logs where the database cannot reach: a log that is cut or rewritten is found out there."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from hortus_server.domain.audit import AuditHead
from hortus_server.domain.ids import TenantId
from hortus_server.ports.store import Store
from hortus_server.services.audit_files import anchor_line
from hortus_server.services.verify_audit import BATCH, FIRST_TENANT

log = structlog.get_logger()
REMEMBERED: Final = 100_000  # tenants whose last anchor is known; others are anchored again


@dataclass(slots=True)
class AnchorAudit:
    """Log the heads that moved since the last round, and append them to `file` where one is given."""

    store: Store
    file: Path | None = None
    _anchored: dict[TenantId, int] = field(default_factory=dict)

    async def __call__(self) -> int:
        """How many were written. Raises UnavailableError without PostgreSQL."""
        count, after = 0, FIRST_TENANT
        while True:
            async with self.store.system_transaction() as uow:
                page = await uow.audit.heads(after=after, limit=BATCH)
            moved = [head for head in page if self._anchored.get(head.tenant_id) != head.seq]
            await self._write(moved)
            count += len(moved)
            if len(page) < BATCH:
                return count
            after = page[-1].tenant_id

    async def _write(self, heads: Sequence[AuditHead]) -> None:
        if self.file is not None and heads:
            try:
                await asyncio.to_thread(_append, self.file, heads)
            except OSError as error:
                log.warning("audit_anchor_not_written", file=str(self.file), error=str(error))
        for head in heads:
            log.info("audit_anchored", tenant_id=str(head.tenant_id), seq=head.seq, hash=head.hash)
            if len(self._anchored) >= REMEMBERED:
                self._anchored.clear()
            self._anchored[head.tenant_id] = head.seq


def _append(path: Path, heads: Sequence[AuditHead]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write("".join(f"{anchor_line(head)}\n" for head in heads))
