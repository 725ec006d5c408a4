"""Bring all secrets under the key that seals now, while the server runs."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

import structlog

from hortus_server.domain.audit import SYSTEM, NewAuditEntry
from hortus_server.domain.ids import TenantId
from hortus_server.ports.secrets import SealBrokenError, Sealer
from hortus_server.ports.store import Store

log = structlog.get_logger()

BATCH: Final = 100


@dataclass(frozen=True, slots=True)
class Rotation:
    """How it went; `broken` were under keys that this process has not, or do not open: they stay as they are."""

    resealed: int
    broken: int


@dataclass(frozen=True, slots=True)
class RotateSecrets:
    """Only data keys are sealed anew. Broken off, it goes on where it stopped when it is called again."""

    store: Store
    sealer: Sealer
    batch: int = BATCH

    async def __call__(self) -> Rotation:
        """Raises UnavailableError without PostgreSQL."""
        resealed, broken = 0, 0
        while True:
            done, failed, seen = await self._batch(skip=broken)
            resealed += done
            broken += failed
            if seen < self.batch:
                return Rotation(resealed, broken)

    async def _batch(self, *, skip: int) -> tuple[int, int, int]:
        counted: Counter[TenantId] = Counter()
        failed = 0
        async with self.store.system_transaction() as uow:
            versions = await uow.secret_seals.stale(self.sealer.key_id, skip=skip, limit=self.batch)
            for version in versions:
                try:
                    sealed = self.sealer.reseal(version.sealed, version.place)
                except SealBrokenError as error:
                    failed += 1
                    log.warning("secret_not_resealed", name=version.name, version=version.version, error=str(error))
                    continue
                await uow.secret_seals.replace(version, sealed)
                counted[version.tenant_id] += 1
            for tenant_id, count in counted.items():
                detail = {"key_id": self.sealer.key_id, "versions": count}
                await uow.audit.append(NewAuditEntry(tenant_id, SYSTEM, "secrets.rotated", "secrets:all", detail))
        return counted.total(), failed, len(versions)
