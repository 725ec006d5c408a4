"""Checks a tenant's chain of audit entries, one after the other, in memory that does not grow with the log."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from hortus_server.domain.audit import NO_HASH, AuditEntry, AuditHead
from hortus_server.domain.ids import TenantId

Damage = Literal["edited", "moved", "removed", "cut", "rewritten"]

MAX_FINDINGS: Final = 100
_SEARCHED: Final = 5_000  # places on either side in which a moved entry is looked for
_SEARCHES: Final = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was done to the log: to the entries `first` to `last`."""

    damage: Damage
    first: int
    last: int
    message: str


@dataclass(slots=True)
class ChainCheck:
    """Feed entries by ascending `seq` to `look`, then call `end`; `findings` says what is wrong, if anything.

    `anchors` are hashes by `seq` that were kept elsewhere. `complete` is False for a part of a log, or for a filtered
    one: then neither its beginning nor gaps mean anything.
    """

    tenant_id: TenantId
    anchors: Mapping[int, str] = field(default_factory=dict)
    complete: bool = True
    findings: list[Finding] = field(default_factory=list)
    entries: int = 0
    last_seq: int = 0
    last_hash: str = NO_HASH
    _searches: int = 0
    _sound: bool = True  # the last entry is what its hash says: what does not link to it accuses it

    def look(self, entry: AuditEntry) -> None:
        """The next entry."""
        self.entries += 1
        follows = entry.seq == self.last_seq + 1
        if entry.seq <= self.last_seq:
            self._find("moved", entry.seq, entry.seq, f"entry {entry.seq} stands behind entry {self.last_seq}")
        elif not follows and self.complete:
            self._removed(self.last_seq + 1, entry.seq - 1)
        sound = entry.hash_as(entry.seq) == entry.hash
        if not sound:
            self._damaged(entry)
        elif follows and self._sound and entry.previous_hash != self.last_hash:
            self._find(
                "edited",
                entry.seq - 1,
                entry.seq - 1,
                f"entry {entry.seq - 1} is not the one that entry {entry.seq} was written behind",
            )
        anchored = self.anchors.get(entry.seq)
        if anchored is not None and anchored != entry.hash:
            self._find("rewritten", 1, entry.seq, f"entry {entry.seq} is not the one that the anchor of then names")
        self.last_seq, self.last_hash, self._sound = entry.seq, entry.hash, sound

    def end(self, head: AuditHead | None) -> None:
        """All entries up to `head` were fed, which was read before them."""
        if head is not None and head.seq > self.last_seq:
            self._cut(head.seq, f"the log ended at entry {head.seq}")
        elif head is not None and head.seq == self.last_seq and head.hash != self.last_hash:
            self._find("edited", head.seq, head.seq, f"entry {head.seq} is not the one that the head names")
        elif head is None and self.last_seq and self.complete:
            self._find("removed", self.last_seq + 1, self.last_seq + 1, "the head of the log is gone")
        ended = max(self.last_seq, head.seq if head else 0)
        beyond = max(self.anchors, default=0)
        if beyond > ended:
            self._cut(beyond, f"an anchor names entry {beyond}")

    @property
    def intact(self) -> bool:
        """Nothing was found."""
        return not self.findings

    def _damaged(self, entry: AuditEntry) -> None:
        written_as = self._search(entry)
        if written_as is None:
            self._find("edited", entry.seq, entry.seq, f"entry {entry.seq} is not what its hash was made of")
        else:
            self._find("moved", entry.seq, entry.seq, f"entry {entry.seq} was written as entry {written_as}")

    def _search(self, entry: AuditEntry) -> int | None:
        if self._searches >= _SEARCHES:
            return None
        self._searches += 1
        places = range(max(1, entry.seq - _SEARCHED), entry.seq + _SEARCHED)
        return next((seq for seq in places if entry.hash_as(seq) == entry.hash), None)

    def _removed(self, first: int, last: int) -> None:
        which = f"entry {first} is" if first == last else f"entries {first} to {last} are"
        self._find("removed", first, last, f"{which} gone")

    def _cut(self, known: int, why: str) -> None:
        first = self.last_seq + 1
        which = f"entry {first} is" if first == known else f"entries {first} to {known} are"
        self._find("cut", first, known, f"{which} cut off: {why}")

    def _find(self, damage: Damage, first: int, last: int, message: str) -> None:
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(Finding(damage, first, last, message))
