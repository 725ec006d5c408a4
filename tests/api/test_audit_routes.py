"""The audit log over HTTP: pages, filters, export, verification."""

import json

import psycopg
import pytest
from backends import Caller, is_problem

from hortus_server.domain.audit import Actor, NewAuditEntry
from hortus_server.services.audit_files import read_anchors, verify_lines

AUDIT = "/v1/audit"


@pytest.fixture
async def acts(store, admin: Caller) -> None:
    """Seven acts of two actors, each in a transaction of its own."""
    for number in range(7):
        who = Actor("key", "k1", "ann") if number % 2 else Actor("user", "u1", "bob")
        action = "run.cancelled" if number < 4 else "agent.created"
        async with store.system_transaction() as uow:
            await uow.audit.append(NewAuditEntry(admin.tenant_id, who, action, f"thing:{number}", {"n": number}))


@pytest.mark.usefixtures("acts")
async def test_entries_come_newest_first_page_by_page(admin: Caller, stranger: Caller):
    first = (await admin.get(AUDIT, params={"limit": 4})).json()
    assert [entry["seq"] for entry in first["items"]] == [7, 6, 5, 4]
    rest = (await admin.get(AUDIT, params={"limit": 4, "cursor": first["next_cursor"]})).json()
    assert [entry["seq"] for entry in rest["items"]] == [3, 2, 1]
    assert rest["next_cursor"] is None
    assert first["items"][0]["actor"] == {"kind": "user", "id": "u1", "name": "bob"}
    assert first["items"][0]["detail"] == {"n": 6}
    assert (await stranger.get(AUDIT)).json()["items"] == []
    is_problem(await admin.get(AUDIT, params={"cursor": "x"}), 422, "invalid_cursor")


@pytest.mark.usefixtures("acts")
@pytest.mark.parametrize(
    ("which", "found"),
    [
        ({"actor": "ann"}, [6, 4, 2]),
        ({"actor": "u1", "action": "run.*"}, [3, 1]),
        ({"action": "agent.created"}, [7, 6, 5]),
        ({"action": "r_n.*"}, []),
        ({"subject": "thing:3"}, [4]),
        ({"since": "2999-01-01T00:00:00Z"}, []),
        ({"until": "2999-01-01T00:00:00Z", "subject": "thing:0"}, [1]),
    ],
)
async def test_filters(admin: Caller, which, found):
    assert [entry["seq"] for entry in (await admin.get(AUDIT, params=which)).json()["items"]] == found


@pytest.mark.usefixtures("acts")
async def test_an_export_can_be_verified_far_from_the_server(admin: Caller):
    answer = await admin.get(f"{AUDIT}/export")
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    lines = answer.text.splitlines()
    (report,) = verify_lines(lines, {})
    assert (report.intact, report.entries) == (True, 7)
    only = (await admin.get(f"{AUDIT}/export", params={"action": "agent.*"})).text.splitlines()
    assert [json.loads(line)["seq"] for line in only] == [5, 6, 7]
    assert read_anchors(lines)[admin.tenant_id][7] == json.loads(lines[-1])["hash"]


@pytest.mark.usefixtures("acts")
async def test_a_verification_says_which_entry_was_tampered_with(admin: Caller, database_settings):
    whole = (await admin.post(f"{AUDIT}/verify")).json()
    assert (whole["intact"], whole["entries"], whole["head"]["seq"], whole["findings"]) == (True, 7, 7, [])
    with psycopg.connect(database_settings.url.get_secret_value(), autocommit=True) as connection:
        # So whoever keeps the database gets past its triggers.
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE audit_log SET action = 'run.finished' WHERE seq = 2")
        connection.execute("DELETE FROM audit_log WHERE seq IN (4, 7)")
        connection.execute("UPDATE audit_heads SET seq = 6, hash = (SELECT hash FROM audit_log WHERE seq = 6)")
    found = (await admin.post(f"{AUDIT}/verify", {"anchors": [{"seq": 7, "hash": whole["head"]["hash"]}]})).json()
    assert not found["intact"]
    assert [(one["damage"], one["first"], one["last"]) for one in found["findings"]] == [
        ("edited", 2, 2),
        ("removed", 4, 4),
        ("cut", 7, 7),
    ]
    assert found["findings"][0]["message"] == "entry 2 is not what its hash was made of"


async def test_the_log_has_a_scope_of_its_own(make_caller):
    caller = await make_caller("agents:read", "runs:write")
    for path in (AUDIT, f"{AUDIT}/export"):
        is_problem(await caller.get(path), 403, "forbidden")
    is_problem(await caller.post(f"{AUDIT}/verify"), 403, "forbidden")
    assert (await (await make_caller("audit:read")).get(AUDIT)).status_code == 200


@pytest.mark.parametrize("until", ["0860-03-18T06:41:29.610-20:05", "0001-01-01T00:00:00+23:00"])
async def test_an_odd_time_zone_breaks_no_export(admin: Caller, until: str):
    for path in ("/v1/audit", "/v1/audit/export"):
        answer = await admin.get(path, params={"until": until})
        assert answer.status_code in {200, 422}, answer.text
