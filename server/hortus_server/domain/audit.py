"""The audit log's entries: who did what to what."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from hortus_agents.messages import JsonObject
from hortus_server.domain.ids import TenantId

ActorKind = Literal["user", "key", "agent", "system"]


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
    done to. `detail` holds no secret: names, versions, rules, hashes.
    """

    tenant_id: TenantId
    actor: Actor
    action: str
    subject: str
    detail: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """A row of the log; `seq` has no gaps in a tenant, `hash` covers the row and `previous_hash`, sha256 in hex."""

    tenant_id: TenantId
    seq: int
    at: datetime
    actor: Actor
    action: str
    subject: str
    detail: JsonObject
    previous_hash: str
    hash: str
