"""The audit log, as sent."""

from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field

from hortus_server.api.schemas.wire import Body, PageView, View
from hortus_server.domain.audit import ActorKind, AuditEntry
from hortus_server.domain.audit_chain import Damage


class AuditActorView(View):
    """Who acted; `name` is what it was called then."""

    kind: ActorKind
    id: str
    name: str


class AuditEntryView(View):
    """Something that was done or refused; `hash` is over this entry and the one before."""

    seq: int = Field(description="without gaps in the tenant")
    at: datetime
    actor: AuditActorView
    action: str = Field(examples=["agent.created"])
    subject: str = Field(examples=["agent:0197b2c4-7c1e-7b7c-a3a5-1f4f5b8a9c01"], description="`kind:id`")
    detail: dict[str, Any]
    previous_hash: str
    hash: str = Field(description="SHA-256 in hex")


class AuditPage(PageView[AuditEntryView]):
    """Entries, newest first."""


class AuditAnchor(Body):
    """An entry's hash that was kept elsewhere."""

    seq: int = Field(ge=1, le=2**63 - 1)
    hash: str = Field(pattern=r"^[0-9a-f]{64}$")


class AuditVerify(Body):
    """What the log is held against, besides its own hashes."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"anchors": [{"seq": 7, "hash": "0" * 64}]}]})

    anchors: tuple[AuditAnchor, ...] = Field(default=(), max_length=1_000)


class AuditFindingView(View):
    """What was done to the entries `first` to `last`."""

    damage: Damage
    first: int
    last: int
    message: str


class AuditHeadView(View):
    """The end of the log: keep it elsewhere, and a log that is cut or rewritten later is found out."""

    seq: int
    at: datetime
    hash: str


class AuditReportView(View):
    """What a verification looked at and found."""

    intact: bool
    entries: int
    head: AuditHeadView | None
    findings: tuple[AuditFindingView, ...] = Field(description="at most the first 100")


def entry_json(entry: AuditEntry) -> dict[str, Any]:
    """An entry as it is exported: with its tenant, which its hash covers."""
    return {"tenant_id": str(entry.tenant_id), **AuditEntryView.model_validate(entry).model_dump(mode="json")}
