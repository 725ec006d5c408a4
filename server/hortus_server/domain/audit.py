"""The audit log's entries: who did what to what, and the chain of hashes over them."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal

from hortus_agents.messages import JsonObject
from hortus_server.domain.ids import TenantId

ActorKind = Literal["user", "key", "agent", "system"]

NO_HASH: Final = "0" * 64
"""What the first entry of a chain has as the hash before it."""
MAX_DETAIL_CHARS: Final = 16_384
_FORMAT: Final = "hortus-audit-1"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acted; `name` is what it was called then."""

    kind: ActorKind
    id: str
    name: str = ""


SYSTEM = Actor("system", "hortus")


@dataclass(frozen=True, slots=True)
class NewAuditEntry:
    """Something that was done or refused.

    `action` is dotted and in the past tense (`policy.changed`, `tool.denied`), `subject` is `kind:id` of what it was
    done to. `detail` holds no secret: names, versions, rules, hashes. `once` names fields of it that identify the act,
    for one that may be told again after a crash: with an equal action, subject and fields it is in the log already.
    """

    tenant_id: TenantId
    actor: Actor
    action: str
    subject: str
    detail: JsonObject = field(default_factory=dict)
    once: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """A row of the log; `seq` has no gaps in a tenant, `hash` covers the row and `previous_hash`, sha256 in hex.

    `detail_json` is the detail in the very characters that the hash covers.
    """

    tenant_id: TenantId
    seq: int
    at: datetime
    actor: Actor
    action: str
    subject: str
    detail_json: str
    previous_hash: str
    hash: str

    @property
    def detail(self) -> JsonObject:
        """What else is known of the act."""
        found: JsonObject = json.loads(self.detail_json)
        return found

    def hash_as(self, seq: int) -> str:
        """What its hash has to be if this was written as number `seq`."""
        body = entry_body(self.actor, self.action, self.subject, self.detail_json)
        return entry_hash(self.tenant_id, seq, self.at, self.previous_hash, body)


@dataclass(frozen=True, slots=True)
class AuditHead:
    """The end of a tenant's chain. Kept elsewhere it is an anchor: the log must still hold it later."""

    tenant_id: TenantId
    seq: int
    at: datetime
    hash: str


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries; None means any. `action` ending in `.*` is a family; `actor` is an id or the name of then."""

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None


EVERY_ENTRY: Final = AuditFilter()


def canonical_json(value: object) -> str:
    """JSON in the one spelling that hashes cover: keys sorted, no blanks, ASCII; ids and times as text.

    Raises ValueError for NaN.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, default=str)


def canonical_detail(detail: JsonObject) -> str:
    """A detail as it is stored; what is longer than `MAX_DETAIL_CHARS` is stood in for by its size and hash."""
    written = canonical_json(detail)
    if len(written) <= MAX_DETAIL_CHARS:
        return written
    return canonical_json({"omitted_chars": len(written), "sha256": hashlib.sha256(written.encode()).hexdigest()})


def entry_body(actor: Actor, action: str, subject: str, detail_json: str) -> str:
    """What an entry says, as hashes cover it; `detail_json` goes in as it is stored, character by character."""
    who = canonical_json({"id": actor.id, "kind": actor.kind, "name": actor.name})
    what, whom = canonical_json(action), canonical_json(subject)
    return f'{{"action":{what},"actor":{who},"detail":{detail_json},"subject":{whom}}}'


def chain_prefix(tenant_id: TenantId) -> str:
    """What every text under a hash of this tenant begins with: no entry can be moved to another tenant."""
    return f"{_FORMAT}\n{tenant_id}\n"


def entry_hash(tenant_id: TenantId, seq: int, at: datetime, previous_hash: str, body: str) -> str:
    """An entry's hash; the PostgreSQL adapter's statement `append_entry` computes the same."""
    moment = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    text = f"{chain_prefix(tenant_id)}{seq}\n{moment}\n{previous_hash}\n{body}"
    return hashlib.sha256(text.encode()).hexdigest()
