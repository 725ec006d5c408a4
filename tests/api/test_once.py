"""Every create of an administrator happens once per Idempotency-Key, and no secret is kept for a repetition."""

import json
from typing import Any

import pytest
from backends import Caller, is_problem
from people_world import Browser, join, secret_of, set_up

from hortus_server.ports.store import Store

# What creates nothing: it signs in, decides, stops, pins, asks; or its second time is a refusal of its own.
NO_CREATES = {
    "login", "sign_in", "create_first_owner", "look_at_link", "accept_link", "logout", "change_password",
    "move_to_tenant", "pin_agent", "pin_policy", "disable_policy", "enable_policy", "simulate_policy", "enable_tool",
    "disable_tool", "roll_back_tool", "check_tool_version", "set_tool_in_doubt", "cancel_run", "drain_worker",
    "resume_worker", "pause_run", "resume_run", "stop_agent", "stop_tenant", "freeze", "requeue_run",
    "decide_approval", "answer_run", "verify_audit", "preview_timing", "pause_schedule", "resume_schedule",
    "replay_delivery", "replay_dead_deliveries",
}  # fmt: skip
ONCE = {"Idempotency-Key": "once"}


@pytest.fixture
async def owner(admin: Caller) -> Browser:
    return await set_up(admin)


async def kept(store: Store, caller: Caller, route: str) -> str:
    """What the database holds for a repetition."""
    async with store.transaction(caller.tenant_id) as uow:
        answer = await uow.idempotency.begin(caller.tenant_id, "once", route=route, body_sha256=b"x" * 32)
    return json.dumps(answer)


def test_every_post_takes_a_key_or_creates_nothing(app: Any):
    without = {
        operation["operationId"]
        for methods in app.openapi()["paths"].values()
        for method, operation in methods.items()
        if method == "post"
        and not any(one["name"].lower() == "idempotency-key" for one in operation.get("parameters", ()))
    }
    assert without == NO_CREATES


async def test_a_tenant_is_made_once_and_its_link_is_shown_once(owner: Browser, admin: Caller):
    body = {"name": "garden", "owner": "gil@example.org"}
    first = await owner.post("/v1/admin/tenants", body, headers=ONCE)
    again = await owner.post("/v1/admin/tenants", body, headers=ONCE)
    assert (first.status_code, again.status_code) == (201, 201)
    assert secret_of(first.json()["link"])
    assert again.json() == {**first.json(), "link": None}
    assert again.headers["idempotent-replayed"] == "true"
    names = [one["name"] for one in (await owner.get("/v1/admin/tenants")).json()["items"]]
    assert names == ["acme", "garden"]
    is_problem(await owner.post("/v1/admin/tenants", {"name": "x"}, headers=ONCE), 409, "idempotency_mismatch")


async def test_a_tenant_whose_link_cannot_be_made_is_not_made(owner: Browser):
    is_problem(await owner.post("/v1/admin/tenants", {"name": "garden", "owner": "nobody"}), 422, "invalid_input")
    assert [one["name"] for one in (await owner.get("/v1/admin/tenants")).json()["items"]] == ["acme"]


async def test_links_are_made_once_and_their_secrets_are_stored_nowhere(owner: Browser, admin: Caller, store: Store):
    bob = (await (await join(owner, "bob@example.org", "viewer")).me())["id"]
    garden = (await owner.post("/v1/admin/tenants", {"name": "garden"})).json()["id"]
    invitation = {"email": "vera@example.org", "role": "viewer"}
    for path, body in (
        ("/v1/admin/invitations", invitation),
        (f"/v1/admin/tenants/{garden}/owner", {**invitation, "role": "owner"}),
        (f"/v1/admin/users/{bob}/reset", None),
    ):
        first = await owner.post(path, body, headers=ONCE)
        again = await owner.post(path, body, headers=ONCE)
        assert (first.status_code, again.status_code) == (201, 201), first.text
        assert again.json() == {**first.json(), "link": None}
        secret = secret_of(first.json()["link"])
        link = await admin.http.post("/v1/auth/link", json={"secret": secret})
        assert link.status_code == 200, "the first link still works"
        with pytest.raises(Exception, match="another body"):
            await kept(store, admin, f"POST {path}")
    async with store.system_transaction() as uow:
        assert len(await uow.invitations.list(admin.tenant_id)) == 3


async def test_a_repeated_rotation_does_not_end_the_secret_that_the_first_one_gave(admin: Caller):
    key = (await admin.post("/v1/admin/keys", {"name": "k", "scopes": ["runs:read"]})).json()
    path = f"/v1/admin/keys/{key['id']}/rotate"
    first = await admin.post(path, {"grace_s": 0}, headers=ONCE)
    again = await admin.post(path, {"grace_s": 0}, headers=ONCE)
    assert again.json() == {**first.json(), "secret": None}
    headers = {"Authorization": f"Bearer {first.json()['secret']}"}
    assert (await admin.http.get("/v1/runs", headers=headers)).status_code == 200
