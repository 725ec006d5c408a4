"""Schedules at the edge: what is accepted, what is refused and why, what is shown."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from backends import Caller, is_problem

from hortus_server.domain.ids import ScheduleId
from hortus_server.domain.schedules import Firing

CRON = {"kind": "cron", "expression": "30 8 * * MON-FRI", "time_zone": "Europe/Berlin"}


def wanted(**changes: Any) -> dict[str, Any]:
    return {"name": "report", "agent": "helper", "input": "Write it.", "timing": CRON, **changes}


@pytest.fixture
async def schedule(admin: Caller) -> dict[str, Any]:
    await admin.agent()
    answer = await admin.post("/v1/schedules", wanted())
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_schedule_shows_its_defaults_and_its_next_due_time(admin: Caller, schedule: dict[str, Any]):
    assert schedule["timing"] == CRON
    assert (schedule["catch_up"], schedule["catch_up_limit"], schedule["overlap"]) == ("one", 10, "skip")
    due = datetime.fromisoformat(schedule["next_due_at"])
    assert due > datetime.now(UTC)
    assert (await admin.get(f"/v1/schedules/{schedule['id']}")).json() == schedule
    assert (await admin.get("/v1/schedules")).json()["items"] == [schedule]


async def test_the_next_due_times_are_listed_in_order(admin: Caller, schedule: dict[str, Any]):
    items = (await admin.get(f"/v1/schedules/{schedule['id']}/next?count=7")).json()["items"]
    due = [datetime.fromisoformat(item) for item in items]
    assert items[0] == schedule["next_due_at"]
    assert len(due) == 7
    assert due == sorted(due)
    assert all(one.weekday() < 5 for one in due)
    is_problem(await admin.get(f"/v1/schedules/{schedule['id']}/next?count=0"), 422, "invalid_request")


@pytest.mark.parametrize(
    ("timing", "why"),
    [
        ({"kind": "cron", "expression": "0 0 30 2 *"}, "never fires"),
        ({"kind": "cron", "expression": "0 0 31 FEB,APR *"}, "never fires"),
        ({"kind": "cron", "expression": "61 * * * *"}, "Bad minute"),
        ({"kind": "cron", "expression": "@reboot now please"}, "five fields"),
        ({"kind": "cron", "expression": "0 0 0 * * *"}, "five fields"),
        ({"kind": "cron", "expression": "0 8 * * *", "time_zone": "Mars/Olympus"}, "no IANA time zone"),
        ({"kind": "cron", "expression": "0 8 * * *", "time_zone": "../etc/passwd"}, "no IANA time zone"),
        ({"kind": "cron", "expression": "0 8 * * *", "zone": "UTC"}, "Extra inputs"),
        ({"kind": "interval", "every_s": 0}, "greater than or equal to 1"),
        ({"kind": "interval", "every_s": 10**12}, "less than or equal"),
        ({"kind": "once", "at": "2026-01-01T00:00:00"}, "timezone"),
        ({"kind": "once", "at": "9999-01-01T00:00:00Z"}, "less than or equal"),
        ({"kind": "moon"}, "kind"),
    ],
)
async def test_a_timing_that_makes_no_sense_is_refused_with_the_reason(admin: Caller, timing: Any, why: str):
    await admin.agent()
    document = is_problem(await admin.post("/v1/schedules", wanted(timing=timing)), 422, "invalid_request")
    assert why in document["detail"]
    assert (await admin.get("/v1/schedules")).json()["items"] == []


async def test_a_time_that_has_passed_is_refused(admin: Caller):
    await admin.agent()
    timing = {"kind": "once", "at": "2020-01-01T00:00:00Z"}
    document = is_problem(await admin.post("/v1/schedules", wanted(timing=timing)), 422, "invalid_input")
    assert "its time has passed" in document["detail"]


async def test_what_it_points_at_must_exist_in_the_tenant(admin: Caller, stranger: Caller):
    await admin.agent("helper")
    await admin.agent("other")
    session = str(await admin.session("other"))
    await stranger.agent("helper")
    is_problem(await admin.post("/v1/schedules", wanted(agent="nobody")), 404, "not_found")
    is_problem(await admin.post("/v1/schedules", wanted(agent_version=2)), 404, "not_found")
    is_problem(await admin.post("/v1/schedules", wanted(session_id=str(uuid4()))), 404, "not_found")
    is_problem(await admin.post("/v1/schedules", wanted(session_id=session)), 422, "invalid_input")
    is_problem(await stranger.post("/v1/schedules", wanted(session_id=session)), 404, "not_found")


async def test_unknown_fields_and_empty_inputs_are_refused(admin: Caller):
    await admin.agent()
    for changes in ({"cron": "x"}, {"input": "  "}, {"name": "Not A Name"}, {"overlap": "maybe"},
                    {"catch_up_limit": 101}, {"limits": {"steps": 0}}):  # fmt: skip
        is_problem(await admin.post("/v1/schedules", wanted(**changes)), 422, "invalid_request")


async def test_a_name_is_unique_in_its_tenant(admin: Caller, schedule: dict[str, Any], stranger: Caller):
    is_problem(await admin.post("/v1/schedules", wanted()), 409, "conflict")
    other = (await admin.post("/v1/schedules", wanted(name="second"))).json()
    is_problem(await admin.call("PATCH", f"/v1/schedules/{other['id']}", json={"name": "report"}), 409, "conflict")
    await stranger.agent()
    assert (await stranger.post("/v1/schedules", wanted())).status_code == 201


async def test_a_repeated_key_makes_one_schedule(admin: Caller):
    await admin.agent()
    key = {"Idempotency-Key": "k1"}
    first = await admin.post("/v1/schedules", wanted(), headers=key)
    again = await admin.post("/v1/schedules", wanted(), headers=key)
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    is_problem(await admin.post("/v1/schedules", wanted(input="Other."), headers=key), 409, "idempotency_mismatch")


async def test_pause_stops_the_due_times_and_resume_goes_on_with_the_next(admin: Caller, schedule: dict[str, Any]):
    path = f"/v1/schedules/{schedule['id']}"
    paused = (await admin.post(f"{path}/pause")).json()
    assert paused["next_due_at"] is None
    assert paused["paused_at"]
    assert (await admin.post(f"{path}/pause")).json() == paused
    assert (await admin.get(f"{path}/next")).json()["items"][0] == schedule["next_due_at"]
    resumed = (await admin.post(f"{path}/resume")).json()
    assert resumed["next_due_at"] == schedule["next_due_at"]
    assert resumed["paused_at"] is None
    assert (await admin.post(f"{path}/resume")).json() == resumed


async def test_a_single_time_that_passed_in_a_pause_cannot_be_resumed(admin: Caller, store):
    await admin.agent()
    at = datetime.now(UTC) + timedelta(hours=1)
    made = (await admin.post("/v1/schedules", wanted(timing={"kind": "once", "at": at.isoformat()}))).json()
    await admin.post(f"/v1/schedules/{made['id']}/pause")
    async with store._pool.connection() as connection:  # two hours later
        await connection.execute(
            "UPDATE schedules SET timing = jsonb_set(timing, '{at}', to_jsonb(now() - %s)) WHERE id = %s",
            [timedelta(hours=1), made["id"]],
        )
    is_problem(await admin.post(f"/v1/schedules/{made['id']}/resume"), 409, "conflict")
    timing = {"kind": "interval", "every_s": 60}
    changed = (await admin.call("PATCH", f"/v1/schedules/{made['id']}", json={"timing": timing})).json()
    assert changed["next_due_at"] is None
    assert (await admin.post(f"/v1/schedules/{made['id']}/resume")).json()["next_due_at"]


async def test_a_change_sets_what_is_given_and_nothing_else(admin: Caller, schedule: dict[str, Any]):
    path = f"/v1/schedules/{schedule['id']}"
    changed = (await admin.call("PATCH", path, json={"overlap": "queue", "limits": {"steps": 3}})).json()
    assert changed == {
        **schedule, "overlap": "queue", "limits": {"steps": 3.0}, "updated_at": changed["updated_at"]
    }  # fmt: skip
    moved = (await admin.call("PATCH", path, json={"timing": {"kind": "interval", "every_s": 3600}})).json()
    wait = datetime.fromisoformat(moved["next_due_at"]) - datetime.now(UTC)
    assert timedelta(minutes=59) < wait <= timedelta(hours=1)
    pinned = (await admin.call("PATCH", path, json={"agent_version": 1})).json()
    assert pinned["agent_version"] == 1
    assert (await admin.call("PATCH", path, json={"agent_version": None})).json()["agent_version"] is None
    is_problem(await admin.call("PATCH", path, json={"input": None}), 422, "invalid_request")
    is_problem(await admin.call("PATCH", path, json={"agent": "other"}), 422, "invalid_request")


async def test_firings_are_paged_from_the_latest(admin: Caller, schedule: dict[str, Any], store):
    async with store.system_transaction() as uow:
        record = await uow.schedules.get(admin.tenant_id, ScheduleId(schedule["id"]))
        start = datetime(2026, 1, 1, tzinfo=UTC)
        for day in range(5):
            due = start + timedelta(days=day)
            firing = Firing(record.id, due, due, "skipped", None, f"day {day}")
            assert await uow.firings.record(record, firing)
        assert not await uow.firings.record(record, firing)
    path = f"/v1/schedules/{schedule['id']}/firings"
    first = (await admin.get(f"{path}?limit=3")).json()
    rest = (await admin.get(path, params={"limit": 3, "cursor": first["next_cursor"]})).json()
    assert [one["reason"] for one in first["items"] + rest["items"]] == [f"day {day}" for day in (4, 3, 2, 1, 0)]
    assert rest["next_cursor"] is None
    is_problem(await admin.get(f"{path}?cursor=odd"), 422, "invalid_cursor")


async def test_a_deleted_schedule_is_gone(admin: Caller, schedule: dict[str, Any]):
    path = f"/v1/schedules/{schedule['id']}"
    assert (await admin.delete(path)).status_code == 204
    is_problem(await admin.get(path), 404, "not_found")
    is_problem(await admin.delete(path), 404, "not_found")


async def test_another_tenant_sees_and_changes_nothing(admin: Caller, schedule: dict[str, Any], stranger: Caller):
    path = f"/v1/schedules/{schedule['id']}"
    for method, where in (
        ("GET", path), ("PATCH", path), ("DELETE", path), ("POST", f"{path}/pause"), ("POST", f"{path}/resume"),
        ("GET", f"{path}/next"), ("GET", f"{path}/firings"),
    ):  # fmt: skip
        body = {"json": {}} if method == "PATCH" else {}
        is_problem(await stranger.call(method, where, **body), 404, "not_found")
    assert (await stranger.get("/v1/schedules")).json()["items"] == []
    assert (await admin.get(path)).json() == schedule


async def test_scopes_divide_reading_from_writing(make_caller, admin: Caller, schedule: dict[str, Any]):
    reader = await make_caller("schedules:read")
    assert (await reader.get("/v1/schedules")).status_code == 200
    assert is_problem(await reader.post("/v1/schedules", wanted()), 403, "forbidden")["scope"] == "schedules:write"
    writer = await make_caller("schedules:write")
    assert (await writer.post(f"/v1/schedules/{schedule['id']}/pause")).status_code == 200
    assert is_problem(await writer.get("/v1/schedules"), 403, "forbidden")["scope"] == "schedules:read"


async def test_a_timing_is_looked_at_without_a_schedule(admin: Caller):
    asked = {"timing": {"kind": "interval", "every_s": 60}, "count": 2}
    first, second = (
        datetime.fromisoformat(at) for at in (await admin.post("/v1/schedules/preview", asked)).json()["items"]
    )
    assert second - first == timedelta(seconds=60)
    assert first > datetime.now(UTC)
    never = {"timing": {"kind": "cron", "expression": "0 0 31 2 *"}}
    is_problem(await admin.post("/v1/schedules/preview", never), 422, "invalid_request")
    assert (await admin.get("/v1/schedules")).json()["items"] == []
