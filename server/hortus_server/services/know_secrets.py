"""Which values to blot out of a tenant's texts: all that it keeps, whoever may use them."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from hortus_agents.tools.redaction import Redactor
from hortus_server.domain.errors import UnavailableError
from hortus_server.domain.ids import SecretId, TenantId
from hortus_server.domain.secrets import SealedVersion
from hortus_server.ports.secrets import SealBrokenError, Sealer
from hortus_server.ports.store import Store
from hortus_server.services.reveal_secrets import FRESH_S, MAX_TENANTS, NOTHING, RevealedSecrets

log = structlog.get_logger()

TIMEOUT_S: Final = 5.0
RedactorOf = Callable[[TenantId], Awaitable[Redactor]]
"""What blots a tenant's secrets out, as it is known now."""


async def no_secrets(_tenant_id: TenantId) -> Redactor:
    """Where none are kept."""
    return NOTHING


@dataclass(slots=True)
class _Looked:
    """When a tenant's secrets were read last, and which versions were opened."""

    at: float | None = None
    opened: dict[tuple[SecretId, int], str] = field(default_factory=dict)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)  # one look at a time


@dataclass(slots=True)
class KnowSecrets:
    """One per process. A tenant's secrets are read again after `FRESH_S` seconds, when somebody asks: one transaction.

    A version that does not open is left out, and the log says so: what may use it withholds its texts by itself.
    """

    store: Store
    sealer: Sealer | None
    revealed: RevealedSecrets
    _looked: OrderedDict[TenantId, _Looked] = field(default_factory=OrderedDict)

    async def of(self, tenant_id: TenantId) -> Redactor:
        """What blots them out. Raises UnavailableError where they were never read and cannot be."""
        looked = self._looked.setdefault(tenant_id, _Looked())
        self._looked.move_to_end(tenant_id)
        if len(self._looked) > MAX_TENANTS:
            self._looked.popitem(last=False)
        async with looked.turn:
            now = asyncio.get_running_loop().time()
            if looked.at is None or now - looked.at >= FRESH_S:
                await self._look(tenant_id, looked, now)
        return self.revealed.note(tenant_id, list(looked.opened.values()))

    async def _look(self, tenant_id: TenantId, looked: _Looked, now: float) -> None:
        try:
            async with asyncio.timeout(TIMEOUT_S), self.store.transaction(tenant_id) as uow:
                versions = await uow.secret_seals.sealed(tenant_id)
        except (UnavailableError, TimeoutError) as error:
            if looked.at is None:
                raise UnavailableError("secrets", str(error) or "they could not be read in time") from error
            log.warning("secrets_unreadable", tenant_id=str(tenant_id), error=str(error) or type(error).__name__)
            return
        looked.opened = self._opened(versions, looked.opened)
        looked.at = now

    def _opened(
        self, versions: Sequence[SealedVersion], before: dict[tuple[SecretId, int], str]
    ) -> dict[tuple[SecretId, int], str]:
        opened: dict[tuple[SecretId, int], str] = {}
        for version in versions:
            place = version.secret_id, version.version
            known = before.get(place)
            if known is not None:
                opened[place] = known
            elif self.sealer is not None:
                try:
                    opened[place] = self.sealer.open(version.sealed, version.place)
                except SealBrokenError as error:
                    log.warning("secret_not_opened", name=version.name, version=version.version, error=str(error))
        return opened
