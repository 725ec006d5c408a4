"""The audit log outside the database: exports and anchors, both as lines of JSON."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hortus_server.domain.audit import Actor, AuditEntry, AuditHead, canonical_json
from hortus_server.domain.audit_chain import ChainCheck
from hortus_server.domain.errors import InvalidInputError
from hortus_server.domain.ids import TenantId
from hortus_server.services.verify_audit import AuditReport

MAX_TENANTS: Final = 10_000

Anchors = Mapping[TenantId, Mapping[int, str]]
"""Hashes of entries that were kept elsewhere, by tenant and number."""


def anchor_line(head: AuditHead) -> str:
    """A head as a line that `read_anchors` takes."""
    return canonical_json(
        {"tenant_id": str(head.tenant_id), "seq": head.seq, "at": head.at.isoformat(), "hash": head.hash}
    )


def read_anchors(lines: Iterable[str]) -> Anchors:
    """Anchors from lines of JSON with `tenant_id`, `seq` and `hash`. Raises InvalidInputError for other lines."""
    found: dict[TenantId, dict[int, str]] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            anchor = json.loads(line)
            found.setdefault(TenantId(UUID(anchor["tenant_id"])), {})[int(anchor["seq"])] = str(anchor["hash"])
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidInputError(f"line {number} is no anchor: {error}") from error
    return found


def verify_lines(lines: Iterable[str], anchors: Anchors) -> list[AuditReport]:
    """Check exports of whole logs, of one tenant or several behind each other. What was cut only an anchor tells.

    Raises InvalidInputError for lines that are no entries.
    """
    checks: dict[TenantId, ChainCheck] = {}
    last: dict[TenantId, AuditEntry] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        entry = _entry(line, number)
        tenant_id = entry.tenant_id
        if tenant_id not in checks:
            if len(checks) == MAX_TENANTS:
                raise InvalidInputError(f"line {number}: more than {MAX_TENANTS} tenants in one export")
            checks[tenant_id] = ChainCheck(tenant_id, anchors.get(tenant_id, {}))
        checks[tenant_id].look(entry)
        last[tenant_id] = entry
    return [_report(check, last[tenant_id]) for tenant_id, check in checks.items()]


def _report(check: ChainCheck, last: AuditEntry) -> AuditReport:
    head = AuditHead(last.tenant_id, last.seq, last.at, last.hash)
    check.end(head)
    return AuditReport(check.tenant_id, check.entries, head, tuple(check.findings))


def _entry(line: str, number: int) -> AuditEntry:
    try:
        found: dict[str, Any] = json.loads(line)
        actor = found["actor"]
        return AuditEntry(
            tenant_id=TenantId(UUID(found["tenant_id"])),
            seq=int(found["seq"]),
            at=datetime.fromisoformat(found["at"]),
            actor=Actor(actor["kind"], actor["id"], actor["name"]),
            action=found["action"],
            subject=found["subject"],
            detail_json=canonical_json(found["detail"]),
            previous_hash=found["previous_hash"],
            hash=found["hash"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInputError(f"line {number} is no audit entry: {error}") from error
