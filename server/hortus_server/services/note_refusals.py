"""What was refused, for the audit log: added up first, so that a loop of refusals writes one entry a minute.

A refusal costs its request a look into a table in memory. The entries are written beside the requests: the first a
second after the first refusal, the next ones a minute apart, each with how many there were.
"""

import asyncio
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog

from hortus_agents.messages import JsonObject
from hortus_server.domain.audit import SYSTEM, Actor, NewAuditEntry
from hortus_server.domain.errors import HortusError
from hortus_server.domain.ids import TenantId, UserId
from hortus_server.ports.clock import Clock, utc_now
from hortus_server.ports.store import Store, UnitOfWork

log = structlog.get_logger()

FLUSH_S: Final = 1.0
PERIOD_S: Final = 60.0  # between two entries of the same kind
KNOWN: Final = 2_000  # kinds that are told apart at a time
ENTRIES: Final = 60  # of one tenant in a period; what goes beyond is one entry without names
MOST_PLACES: Final = 20  # tenants whose logs tell of a failed sign-in of their user
REST: Final = "many"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One kind of refusal: who tried what.

    Without a tenant the entry goes to the tenants where `user_id` may work, else to the one that operates the
    installation. `facts` become part of the entry's detail.
    """

    tenant_id: TenantId | None
    actor: Actor
    action: str
    subject: str
    facts: tuple[tuple[str, str], ...] = ()
    user_id: UserId | None = None


@dataclass(slots=True)
class _Tally:
    count: int = 0
    since: datetime | None = None
    until: datetime | None = None
    written_at: float = float("-inf")

    def take(self) -> "_Tally":
        """What is to be written, which is counted no more."""
        taken = _Tally(self.count, self.since, self.until)
        self.count, self.since = 0, None
        return taken

    def give_back(self, taken: "_Tally") -> None:
        """It could not be written."""
        self.count += taken.count
        self.since = taken.since
        self.until = self.until or taken.until
        self.written_at = float("-inf")

    def add(self, other: "_Tally") -> None:
        """Both as one."""
        times = [one for one in (self.since, other.since) if one is not None]
        ends = [one for one in (self.until, other.until) if one is not None]
        self.count += other.count
        self.since, self.until = min(times, default=None), max(ends, default=None)


_Due = list[tuple[Refusal, _Tally]]


@dataclass(slots=True)
class NoteRefusals:
    """One per process. What is not written yet is lost with the process, a minute's worth at most."""

    store: Store
    now: Clock = utc_now
    clock: Callable[[], float] = time.monotonic
    _tallies: OrderedDict[Refusal, _Tally] = field(default_factory=OrderedDict)
    _room: dict[TenantId, tuple[float, int]] = field(default_factory=dict)

    def note(self, refusal: Refusal) -> None:
        """Count one."""
        tally = self._tallies.get(refusal)
        if tally is None:
            if len(self._tallies) >= KNOWN:
                refusal = Refusal(refusal.tenant_id, SYSTEM, refusal.action, REST)
            tally = self._tallies.setdefault(refusal, _Tally())
        tally.until = self.now()
        tally.since = tally.since or tally.until
        tally.count += 1

    async def run(self) -> None:
        """Write what is due, for ever."""
        while True:
            await asyncio.sleep(FLUSH_S)
            try:
                await self.flush()
            except Exception:  # the boundary of the task: what is beside requests must not end them
                log.exception("refusals_lost")

    async def flush(self) -> None:
        """Write what is due now; what cannot be written is kept for the next time."""
        due = self._due()
        if not due:
            return
        try:
            async with self.store.system_transaction() as uow:
                by_tenant = await _by_tenant(uow, due)
        except HortusError as error:
            self._keep(due, error)
            return
        for tenant_id, refusals in by_tenant.items():
            try:
                async with self.store.transaction(tenant_id) as uow:
                    for refusal, tally in self._within_room(tenant_id, refusals):
                        await uow.audit.append(_entry(tenant_id, refusal, tally))
            except HortusError as error:
                self._keep(refusals, error)

    def _due(self) -> _Due:
        now, due = self.clock(), []
        for refusal, tally in list(self._tallies.items()):
            if now - tally.written_at < PERIOD_S:
                continue
            if tally.count:
                due.append((refusal, tally.take()))
                tally.written_at = now
            else:
                del self._tallies[refusal]
        return due

    def _keep(self, due: _Due, error: HortusError) -> None:
        log.warning("refusals_not_written", error=str(error), kinds=len(due))
        for refusal, taken in due:
            self._tallies.setdefault(refusal, _Tally()).give_back(taken)

    def _within_room(self, tenant_id: TenantId, refusals: _Due) -> Iterable[tuple[Refusal, _Tally]]:
        """As many entries as the tenant's log takes in a period; the last of them stands for all others."""
        now = self.clock()
        self._room = {tenant: kept for tenant, kept in self._room.items() if now - kept[0] < PERIOD_S}
        began, used = self._room.get(tenant_id, (now, 0))
        left = max(ENTRIES - used, 1)
        shown = refusals if len(refusals) <= left else refusals[: left - 1]
        rest = refusals[len(shown) :]
        self._room[tenant_id] = began, used + len(shown) + bool(rest)
        yield from shown
        if rest:
            total = _Tally()
            for _, tally in rest:
                total.add(tally)
            kinds = (("kinds", str(len(rest))),)
            yield Refusal(tenant_id, SYSTEM, rest[0][0].action, REST, kinds), total


async def _by_tenant(uow: UnitOfWork, due: _Due) -> dict[TenantId, _Due]:
    """Whose logs tell of what."""
    found: dict[TenantId, _Due] = defaultdict(list)
    operating = await uow.directory.operating()
    for refusal, tally in due:
        for tenant_id in await _tenants(uow, refusal, operating.id if operating else None):
            found[tenant_id].append((refusal, tally))
    return found


async def _tenants(uow: UnitOfWork, refusal: Refusal, operating: TenantId | None) -> list[TenantId]:
    if refusal.tenant_id is not None:
        return [refusal.tenant_id]
    places = await uow.members.places(refusal.user_id) if refusal.user_id else ()
    if places:
        return [place.tenant_id for place in places[:MOST_PLACES]]
    return [] if operating is None else [operating]


def _entry(tenant_id: TenantId, refusal: Refusal, tally: _Tally) -> NewAuditEntry:
    detail: JsonObject = dict(refusal.facts)
    detail |= {
        "count": tally.count,
        "since": tally.since.isoformat(timespec="seconds") if tally.since else None,
        "until": tally.until.isoformat(timespec="seconds") if tally.until else None,
    }
    return NewAuditEntry(tenant_id, refusal.actor, refusal.action, refusal.subject, detail)
