"""A wake-up says that there is work, and names a run. The worker takes that one, unless another comes first.

Where nothing comes first, which is known once the named run is claimed, a claim is one trip to the database: claim,
`run.started` and what the run's state is folded from are asked together.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from hortus_agents.events import Event
from hortus_server.domain.admission import FairShare, WaitingTenant
from hortus_server.domain.ids import RunId, TenantId
from hortus_server.domain.records import Claim
from hortus_server.ports.pending import Pending
from hortus_server.ports.store import Store, UnitOfWork

LOOKED_AT = 256  # tenants of a rank in one look; the next look goes on behind them
PAGE = 500  # events of a run in one look
FIRST = TenantId(UUID(int=0))


@dataclass(slots=True)
class Turn:
    """One wake-up's search for a run, over as many transactions as it takes; it begins with the run that is named."""

    over: bool = False
    is_first: bool = True
    tried: set[tuple[int, TenantId]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Taken:
    """A claim inside a transaction that has yet to commit, its event, and what the run's state is folded from."""

    claim: Pending[Claim | None]
    started: Pending[Event | None]
    history: Pending[tuple[Event, ...]]


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

    async def take(self, uow: UnitOfWork, run_id: RunId, turn: Turn) -> Taken | None:
        """Ask for the named run or the one that comes before it.

        After None, or where the claim turns out not to be made, go on in a new transaction unless `over`.
        """
        if turn.is_first:
            turn.is_first = False
            return self._take(uow, run_id, only_if_next=True)
        turn.over = True
        for tenant in self.fair.order(await self._waiting(uow, turn)):
            turn.tried.add((tenant.rank, tenant.tenant_id))
            chosen = await self._oldest(uow, tenant)
            if chosen is not None:
                self.fair.served(tenant)
                return self._take(uow, chosen, only_if_next=False)
            if tenant.limited:
                # Its lock is given back first: nobody may wait for one tenant's while holding another's.
                turn.over = False
                return None
        return None

    def _take(self, uow: UnitOfWork, run_id: RunId, *, only_if_next: bool) -> Taken:
        claim = uow.runs.claim(run_id, worker_id=self.worker_id, lease=self.lease, only_if_next=only_if_next)
        started = uow.events.append_started(run_id, worker_id=self.worker_id, lease=self.lease)
        return Taken(claim, started, uow.events.fold_claimed(run_id))

    async def _oldest(self, uow: UnitOfWork, tenant: WaitingTenant) -> RunId | None:
        if tenant.limited:
            await uow.admission.lock(tenant)
        return await uow.admission.oldest(tenant)

    async def _waiting(self, uow: UnitOfWork, turn: Turn) -> list[WaitingTenant]:
        found = await uow.admission.waiting(after=self._after, limit=LOOKED_AT)
        if not found and self._after != FIRST:
            found = await uow.admission.waiting(after=FIRST, limit=LOOKED_AT)
        # Where a look was full there are more behind it.
        self._after = max(one.tenant_id for one in found) if len(found) >= LOOKED_AT else FIRST
        return [one for one in found if (one.rank, one.tenant_id) not in turn.tried]


async def whole_history(store: Store, taken: Taken) -> tuple[Event, ...]:
    """What the claim brought along, and of a very long run the rest up to its own event."""
    claim, started, history = taken.claim.result(), taken.started.result(), taken.history.result()
    while claim is not None and started is not None and history[-1].seq < started.seq:
        run = claim.run
        async with store.transaction(run.tenant_id) as uow:
            more = await uow.events.list_after(
                run.tenant_id, run.session_id, after=history[-1].seq, limit=PAGE, run_id=run.id
            )
        history += more or (started,)
    return history
