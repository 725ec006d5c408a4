"""Webhooks at the edge: addresses and filters that are refused, secrets that are shown once, deliveries and replays."""

from typing import Any
from uuid import uuid4

import pytest
from backends import Caller, Writer, is_problem

from hortus_agents.events import MessageCreated

HOOK = {"url": "https://hooks.example.org/hortus", "events": ["run.*", "message.created"]}


@pytest.fixture
async def hook(admin: Caller) -> dict[str, Any]:
    answer = await admin.post("/v1/webhooks", HOOK)
    assert answer.status_code == 201, answer.text
    return answer.json()


def said() -> MessageCreated:
    return MessageCreated(message_id=uuid4(), content="hello")


async def test_the_secret_is_in_the_first_answer_and_nowhere_else(admin: Caller):
    answer = await admin.post("/v1/webhooks", HOOK, headers={"Idempotency-Key": "k1"})
    assert answer.headers["cache-control"] == "no-store"
    hook = answer.json()
    assert hook["secret"].startswith("whsec_")
    assert len(hook["secret"]) == 50
    again = await admin.post("/v1/webhooks", HOOK, headers={"Idempotency-Key": "k1"})
    assert again.json() == {**hook, "secret": None}
    shown = (await admin.get(f"/v1/webhooks/{hook['id']}")).json()
    assert "secret" not in shown
    listed = (await admin.get("/v1/webhooks")).json()
    assert listed["items"] == [shown]
    assert hook["secret"] not in (await admin.get("/v1/webhooks")).text


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:9000/", "not on the public internet"),
        ("http://10.0.0.1/", "not on the public internet"),
        ("http://[::1]/", "not on the public internet"),
        ("http://[::ffff:192.168.1.1]/", "not on the public internet"),
        ("http://[64:ff9b::7f00:1]/", "not on the public internet"),
        ("http://169.254.169.254/latest/meta-data", "not on the public internet"),
        ("http://168.63.129.16/machine", "not on the public internet"),
        ("https://inside.example.org/", "not on the public internet"),
        ("https://nowhere.invalid/", "cannot be resolved"),
        ("ftp://example.org/", "http or https"),
        ("file:///etc/passwd", "http or https"),
        ("/relative", "http or https"),
        ("https://user:pass@example.org/", "user or password"),
        ("http://example.org:22/", "port 22 is refused"),
        ("http://example.org:99999/", "malformed"),
    ],
)  # fmt: skip
async def test_an_address_that_may_not_be_reached_is_refused(admin: Caller, url: str, why: str):
    document = is_problem(await admin.post("/v1/webhooks", {**HOOK, "url": url}), 422, "invalid_input")
    assert why in document["detail"]
    assert (await admin.get("/v1/webhooks")).json()["items"] == []


async def test_filters_that_nothing_can_match_are_refused(admin: Caller):
    for wrong in (["run.finished"], ["run"], ["*.failed"], ["Run.*"]):
        document = is_problem(await admin.post("/v1/webhooks", {**HOOK, "events": wrong}), 422, "invalid_input")
        assert wrong[0] in document["detail"]
    is_problem(await admin.post("/v1/webhooks", {**HOOK, "events": []}), 422, "invalid_request")
    is_problem(await admin.post("/v1/webhooks", {**HOOK, "secret": "mine"}), 422, "invalid_request")
    is_problem(await admin.post("/v1/webhooks", {**HOOK, "agent": "nobody"}), 404, "not_found")


async def test_only_matching_events_of_enabled_webhooks_are_owed(admin: Caller, hook: dict[str, Any], writer: Writer):
    await admin.post("/v1/webhooks", {**HOOK, "events": ["tool.*"]})
    path = f"/v1/webhooks/{hook['id']}"
    await writer.write(said())
    await admin.call("PATCH", path, json={"enabled": False})
    await writer.write(said())
    await admin.call("PATCH", path, json={"enabled": True})
    await writer.write(said())
    owed = (await admin.get(f"{path}/deliveries")).json()["items"]
    assert [(one["seq"], one["event_type"], one["state"]) for one in owed] == [
        (4, "message.created", "pending"),
        (2, "message.created", "pending"),
    ]


async def test_an_agent_filter_leaves_out_the_others(admin: Caller):
    await admin.agent("one")
    await admin.agent("two")
    hook = (await admin.post("/v1/webhooks", {**HOOK, "agent": "one"})).json()
    for agent in ("one", "two"):
        await admin.post("/v1/runs", {"agent": agent, "input": "x"})
    owed = (await admin.get(f"/v1/webhooks/{hook['id']}/deliveries")).json()["items"]
    assert sorted(one["event_type"] for one in owed) == ["message.created", "run.queued"]
    everyone = (await admin.call("PATCH", f"/v1/webhooks/{hook['id']}", json={"agent": None})).json()
    assert everyone["agent_id"] is None


async def test_deliveries_are_paged_and_filtered_by_state(admin: Caller, hook: dict[str, Any], writer: Writer):
    await writer.write(said(), said(), said())
    path = f"/v1/webhooks/{hook['id']}/deliveries"
    first = (await admin.get(f"{path}?limit=2")).json()
    rest = (await admin.get(path, params={"limit": 2, "cursor": first["next_cursor"]})).json()
    seen = [one["id"] for one in first["items"] + rest["items"]]
    assert len(set(seen)) == 3
    assert rest["next_cursor"] is None
    assert (await admin.get(f"{path}?state=dead")).json()["items"] == []
    is_problem(await admin.get(f"{path}?state=lost"), 422, "invalid_request")
    is_problem(await admin.get(f"{path}?cursor=odd"), 422, "invalid_cursor")
    detail = (await admin.get(f"{path}/{seen[0]}")).json()
    assert detail["log"] == []
    is_problem(await admin.get(f"{path}/{uuid4()}"), 404, "not_found")


async def test_a_change_is_checked_as_a_create_is(admin: Caller, hook: dict[str, Any]):
    path = f"/v1/webhooks/{hook['id']}"
    is_problem(await admin.call("PATCH", path, json={"url": "http://127.0.0.1/"}), 422, "invalid_input")
    is_problem(await admin.call("PATCH", path, json={"events": ["odd"]}), 422, "invalid_input")
    is_problem(await admin.call("PATCH", path, json={"enabled": None}), 422, "invalid_request")
    disabled = (await admin.call("PATCH", path, json={"enabled": False, "description": "later"})).json()
    assert disabled["disabled_reason"] == "disabled by the caller"
    assert disabled["description"] == "later"
    assert disabled["url"] == HOOK["url"]


async def test_a_rotated_secret_is_new_and_the_old_one_has_an_end(admin: Caller, hook: dict[str, Any]):
    path = f"/v1/webhooks/{hook['id']}/secret"
    rotated = (await admin.post(path, {"overlap_s": 60}, headers={"Idempotency-Key": "r1"})).json()
    assert rotated["secret"] != hook["secret"]
    assert rotated["previous_secret_until"]
    again = await admin.post(path, {"overlap_s": 60}, headers={"Idempotency-Key": "r1"})
    assert again.json() == {**rotated, "secret": None}
    assert (await admin.post(path)).status_code == 200
    is_problem(await admin.post(path, {"overlap_s": -1}), 422, "invalid_request")


async def test_a_deleted_webhook_is_gone_with_its_deliveries(admin: Caller, hook: dict[str, Any], writer: Writer):
    await writer.write(said())
    path = f"/v1/webhooks/{hook['id']}"
    assert (await admin.delete(path)).status_code == 204
    is_problem(await admin.get(f"{path}/deliveries"), 404, "not_found")


async def test_another_tenant_sees_and_changes_nothing(
    admin: Caller, hook: dict[str, Any], writer: Writer, stranger: Caller
):
    await writer.write(said())
    path = f"/v1/webhooks/{hook['id']}"
    delivery = (await admin.get(f"{path}/deliveries")).json()["items"][0]["id"]
    for method, where in (
        ("GET", path), ("PATCH", path), ("DELETE", path), ("POST", f"{path}/secret"), ("GET", f"{path}/deliveries"),
        ("GET", f"{path}/deliveries/{delivery}"), ("POST", f"{path}/deliveries/{delivery}/replay"),
        ("POST", f"{path}/replay"),
    ):  # fmt: skip
        body = {"json": {}} if method == "PATCH" else {}
        is_problem(await stranger.call(method, where, **body), 404, "not_found")
    own = (await stranger.post("/v1/webhooks", HOOK)).json()
    is_problem(await stranger.get(f"/v1/webhooks/{own['id']}/deliveries/{delivery}"), 404, "not_found")
    await writer.write(said())
    assert (await stranger.get(f"/v1/webhooks/{own['id']}/deliveries")).json()["items"] == []


async def test_scopes_divide_reading_from_writing(make_caller, admin: Caller, hook: dict[str, Any]):
    reader = await make_caller("webhooks:read")
    assert (await reader.get("/v1/webhooks")).status_code == 200
    assert is_problem(await reader.post("/v1/webhooks", HOOK), 403, "forbidden")["scope"] == "webhooks:write"
    writer = await make_caller("webhooks:write")
    assert is_problem(await writer.get("/v1/webhooks"), 403, "forbidden")["scope"] == "webhooks:read"
    assert (await writer.post(f"/v1/webhooks/{hook['id']}/replay")).json() == {"replayed": 0}
