"""A wake-up says that there is work, and names a run. The worker takes that one, unless another comes first."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from hortus_server.domain.admission import FairShare, WaitingTenant
from hortus_server.domain.ids import RunId, TenantId
from hortus_server.domain.records import Claim
from hortus_server.ports.store import UnitOfWork

LOOKED_AT = 256  # tenants of a rank in one look; the next look goes on behind them
FIRST = TenantId(UUID(int=0))


@dataclass(slots=True)
class Turn:
    """One wake-up's search for a run, over as many transactions as it takes."""

    over: bool = False
    tried: set[tuple[int, TenantId]] = field(default_factory=set)


@dataclass(slots=True)
class ChooseRun:
    """One instance per worker process.

    Every due run has a wake-up of its own under way, so a wake-up that takes another run than it names leaves that
    one to the other's. A wake-up that finds its tenant at the limit is spent; who frees the place sends the next.
    """

    fair: FairShare
    worker_id: str
    lease: timedelta
    _after: TenantId = FIRST

    async def claim(self, uow: UnitOfWork, run_id: RunId, turn: Turn) -> Claim | None:
        """Claim the named run or the one that comes before it. After None, go on in a new transaction unless `over`."""
        turn.over = True
        if not turn.tried:
            named = await uow.runs.claim(run_id, worker_id=self.worker_id, lease=self.lease, only_if_next=True)
            if named is not None:
                return named
        for tenant in self.fair.order(await self._waiting(uow, turn)):
            turn.tried.add((tenant.rank, tenant.tenant_id))
            claim = await self._of(uow, tenant)
            if claim is not None:
                self.fair.served(tenant)
                return claim
            if tenant.limited:
                # Its lock is given back first: nobody may wait for one tenant's while holding another's.
                turn.over = False
                return None
        return None

    async def _of(self, uow: UnitOfWork, tenant: WaitingTenant) -> Claim | None:
        if tenant.limited:
            await uow.admission.lock(tenant)
        chosen = await uow.admission.oldest(tenant)
        return None if chosen is None else await uow.runs.claim(chosen, worker_id=self.worker_id, lease=self.lease)

    async def _waiting(self, uow: UnitOfWork, turn: Turn) -> list[WaitingTenant]:
        found = await uow.admission.waiting(after=self._after, limit=LOOKED_AT)
        if not found and self._after != FIRST:
            found = await uow.admission.waiting(after=FIRST, limit=LOOKED_AT)
        # Where a look was full there are more behind it.
        self._after = max(one.tenant_id for one in found) if len(found) >= LOOKED_AT else FIRST
        return [one for one in found if (one.rank, one.tenant_id) not in turn.tried]
