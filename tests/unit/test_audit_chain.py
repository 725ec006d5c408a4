"""Every kind of tampering with the audit log is found and named."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from hortus_server.domain.audit import NO_HASH, Actor, AuditEntry, AuditHead, canonical_json
from hortus_server.domain.audit_chain import ChainCheck
from hortus_server.domain.errors import InvalidInputError
from hortus_server.domain.ids import TenantId
from hortus_server.services.audit_files import anchor_line, read_anchors, verify_lines

TENANT = TenantId(UUID(int=7))
START = datetime(2026, 1, 1, tzinfo=UTC)


def chain(count: int = 10, *, tenant_id: TenantId = TENANT, before: tuple[AuditEntry, ...] = ()) -> list[AuditEntry]:
    """Entries that follow each other."""
    made = list(before)
    while len(made) < count:
        seq = len(made) + 1
        entry = AuditEntry(
            tenant_id,
            seq,
            START + timedelta(seconds=seq),
            Actor("key", "k", "Ann"),
            "thing.done",
            f"thing:{seq}",
            canonical_json({"n": seq}),
            made[-1].hash if made else NO_HASH,
            "",
        )
        made.append(replace(entry, hash=entry.hash_as(seq)))
    return made


def check(entries, head=None, anchors=None, tenant_id=TENANT):
    looked = ChainCheck(tenant_id, anchors or {})
    for entry in entries:
        looked.look(entry)
    looked.end(head)
    return [(finding.damage, finding.first, finding.last) for finding in looked.findings]


def head_of(entries):
    return AuditHead(TENANT, entries[-1].seq, entries[-1].at, entries[-1].hash)


def test_a_whole_log_is_intact():
    entries = chain()
    assert check(entries, head_of(entries), {3: entries[2].hash, 10: entries[9].hash}) == []
    assert check([], None) == []


@pytest.mark.parametrize(
    "change",
    [
        {"action": "other.done"},
        {"subject": "thing:9"},
        {"actor": Actor("key", "k", "Bob")},
        {"actor": Actor("user", "k", "Ann")},
        {"detail_json": '{"n":6}'},
        {"detail_json": '{"n": 5}'},
        {"at": START},
        {"previous_hash": "1" * 64},
        {"hash": "1" * 64},
    ],
)
def test_an_edited_entry_is_named(change):
    entries = chain()
    head = head_of(entries)
    entries[4] = replace(entries[4], **change)
    assert ("edited", 5, 5) in check(entries, head)


def test_an_entry_edited_with_a_hash_to_match_is_named_by_the_one_behind_it():
    entries = chain()
    edited = replace(entries[4], action="other.done")
    head, entries[4] = head_of(entries), replace(edited, hash=edited.hash_as(5))
    assert check(entries, head) == [("edited", 5, 5)]
    last = replace(entries[9], action="other.done")
    entries = chain()
    entries[9] = replace(last, hash=last.hash_as(10))
    assert check(entries, head) == [("edited", 10, 10)]


def test_removed_entries_are_named():
    entries = chain()
    head = head_of(entries)
    assert check(entries[:3] + entries[5:], head) == [("removed", 4, 5)]
    assert check(entries[1:], head) == [("removed", 1, 1)]


def test_entries_that_changed_places_are_named_with_the_places_they_had():
    entries = chain()
    head = head_of(entries)
    entries[2], entries[6] = replace(entries[6], seq=3), replace(entries[2], seq=7)
    found = ChainCheck(TENANT)
    for entry in entries:
        found.look(entry)
    found.end(head)
    assert [(finding.damage, finding.first) for finding in found.findings][:2] == [("moved", 3), ("moved", 7)]
    assert found.findings[0].message == "entry 3 was written as entry 7"
    assert found.findings[1].message == "entry 7 was written as entry 3"


def test_a_gap_that_was_closed_by_new_numbers_is_found():
    entries = chain()
    head = head_of(entries)
    closed = entries[:3] + [replace(entry, seq=entry.seq - 1) for entry in entries[4:]]
    assert check(closed, head)[0] == ("moved", 4, 4)
    assert check(closed, head)[-1] == ("cut", 10, 10)


def test_a_cut_tail_is_found_by_the_head_and_by_an_anchor_where_the_head_was_moved_too():
    entries = chain()
    kept = entries[:7]
    assert check(kept, head_of(entries)) == [("cut", 8, 10)]
    assert check(kept, head_of(kept)) == []
    assert check(kept, head_of(kept), {9: entries[8].hash}) == [("cut", 8, 9)]
    assert check([], None, {9: entries[8].hash}) == [("cut", 1, 9)]


def test_a_log_written_anew_from_some_entry_on_is_found_by_an_anchor():
    entries = chain()
    edited = replace(entries[4], action="other.done")
    forged = chain(before=(*entries[:4], replace(edited, hash=edited.hash_as(5))))
    assert check(forged, head_of(forged)) == []
    assert check(forged, head_of(forged), {8: entries[7].hash}) == [("rewritten", 1, 8)]


def test_an_entry_of_another_tenant_does_not_fit():
    entries = chain()
    stolen = [replace(entry, tenant_id=TenantId(UUID(int=8))) for entry in entries]
    assert check(stolen, None, tenant_id=TenantId(UUID(int=8)))[0] == ("edited", 1, 1)


def test_a_lost_head_is_found():
    assert check(chain(), None) == [("removed", 11, 11)]


def test_an_export_is_checked_without_a_database():
    entries = chain()
    lines = [
        json.dumps(
            {
                "tenant_id": str(entry.tenant_id),
                "seq": entry.seq,
                "at": entry.at.isoformat(),
                "actor": {"kind": entry.actor.kind, "id": entry.actor.id, "name": entry.actor.name},
                "action": entry.action,
                "subject": entry.subject,
                "detail": entry.detail,
                "previous_hash": entry.previous_hash,
                "hash": entry.hash,
            }
        )
        for entry in entries
    ]
    anchors = read_anchors([anchor_line(head_of(entries)), ""])
    (report,) = verify_lines(lines, anchors)
    assert (report.intact, report.entries, report.head) == (True, 10, head_of(entries))
    (report,) = verify_lines(lines[:-1], anchors)
    assert [finding.damage for finding in report.findings] == ["cut"]
    (report,) = verify_lines([lines[0], lines[2].replace("thing.done", "thing.gone")], {})
    assert [(finding.damage, finding.first) for finding in report.findings] == [("removed", 2), ("edited", 3)]
    with pytest.raises(InvalidInputError, match="line 2 is no audit entry"):
        verify_lines([lines[0], "{}"], {})
    with pytest.raises(InvalidInputError, match="line 1 is no anchor"):
        read_anchors(["[]"])
