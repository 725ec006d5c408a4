"""Which of the queued runs comes next. No clock and no I/O in here.

Runs that come back (from a wait or a lost worker) go before new ones, interactive ones before batch, though batch has
a share of its own. Among the tenants of one rank the order is start-time fair queueing: P. Goyal, H. Vin, H. Cheng,
"Start-time Fair Queueing", SIGCOMM 1996, with every run of cost 1.
"""

import random
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from hortus_server.domain.ids import TenantId

Priority = Literal["interactive", "batch"]

RETURNING: Final = 0
INTERACTIVE: Final = 1
BATCH: Final = 2
REMEMBERED: Final = 10_000  # tenants of a rank whose turn is kept in mind; the one longest not seen goes first


@dataclass(frozen=True, slots=True)
class TenantAdmission:
    """A tenant's share of the workers and its limits; None is no limit of its own.

    Where tenants compete, each gets runs started in proportion to its weight.
    """

    weight: int = 1
    max_concurrent_runs: int | None = None
    max_queued_runs: int | None = None


@dataclass(frozen=True, slots=True)
class TenantLoad:
    """How many runs of a tenant run, and how many wait for a worker."""

    running: int
    queued: int


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """Queued runs of a tenant beside the most that may be; counted no further than that."""

    queued: int
    most: int


@dataclass(frozen=True, slots=True)
class WaitingTenant:
    """A tenant with a run of this rank ready; `limited` says that its running runs are bounded."""

    rank: int
    tenant_id: TenantId
    weight: int
    limited: bool


@dataclass(slots=True)
class _Turns:
    """Virtual time of one rank. `tags` holds when a tenant's next run begins in it."""

    now: float = 0.0
    tags: OrderedDict[TenantId, float] = field(default_factory=OrderedDict)

    def remember(self, tenant_id: TenantId, tag: float) -> None:
        self.tags[tenant_id] = tag
        self.tags.move_to_end(tenant_id)
        while len(self.tags) > REMEMBERED:
            self.tags.popitem(last=False)


@dataclass(slots=True)
class FairShare:
    """Orders tenants; one per worker process, each fair by itself, so that all together are.

    Nothing of it is stored: a worker that begins anew gives each tenant a random place in the first round, so that a
    fleet of workers which each take few runs keeps the proportions too.
    """

    batch_share: float
    draw: Callable[[], float] = random.random
    _turns: dict[int, _Turns] = field(default_factory=dict)

    def order(self, waiting: Iterable[WaitingTenant]) -> Sequence[WaitingTenant]:
        """Whom to try, one after the other."""
        ranks = [RETURNING, BATCH, INTERACTIVE] if self.draw() < self.batch_share else [RETURNING, INTERACTIVE, BATCH]
        return sorted(waiting, key=lambda one: (ranks.index(one.rank), self._tag(one)))

    def served(self, tenant: WaitingTenant) -> None:
        """A run of this tenant was started: its next turn is later by what its weight makes of one run."""
        turns = self._of(tenant.rank)
        begun = self._tag(tenant)
        turns.now = max(turns.now, begun)
        turns.remember(tenant.tenant_id, begun + 1 / tenant.weight)

    def _tag(self, tenant: WaitingTenant) -> float:
        turns = self._of(tenant.rank)
        known = turns.tags.get(tenant.tenant_id)
        if known is None:
            known = turns.now + self.draw() / tenant.weight
            turns.remember(tenant.tenant_id, known)
        # Who was away gets no credit for it.
        return max(known, turns.now)

    def _of(self, rank: int) -> _Turns:
        return self._turns.setdefault(rank, _Turns())
