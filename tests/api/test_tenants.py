"""Tenants are made and disabled by who runs the installation; keys are rotated; people move between tenants."""

import httpx
import pytest
from backends import Caller, is_problem
from people_world import PASSWORD, Browser, join, secret_of, set_up
from serving import MakeCaller

from hortus_server.api.edge import Edge
from hortus_server.domain.stops import Reach


@pytest.fixture
async def owner(admin: Caller) -> Browser:
    return await set_up(admin)


async def made_tenant(by: Browser | Caller, name: str = "garden", **more: str) -> dict:
    answer = await by.post("/v1/admin/tenants", {"name": name, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_new_tenant_has_an_owner_by_link(owner: Browser):
    made = await made_tenant(owner, owner="gil@example.org")
    gil = Browser(owner.http)
    body = {"secret": secret_of(made["link"]), "name": "Gil", "password": PASSWORD}
    assert (await gil.post("/v1/auth/accept", body)).status_code == 200
    me = await gil.me()
    assert (me["tenant_id"], me["tenant_name"], me["role"], me["operates"]) == (made["id"], "garden", "owner", False)
    is_problem(await gil.get("/v1/admin/tenants"), 403, "forbidden")
    listed = (await owner.get("/v1/admin/tenants")).json()["items"]
    assert [(one["name"], one["members"], one["operates"]) for one in listed] == [
        ("acme", 1, True), ("garden", 1, False),
    ]  # fmt: skip
    is_problem(await owner.post("/v1/admin/tenants", {"name": "garden"}), 409, "conflict")


async def test_only_who_runs_the_installation_sees_tenants(admin: Caller, stranger: Caller):
    is_problem(await stranger.get("/v1/admin/tenants"), 403, "forbidden")
    is_problem(await stranger.post("/v1/admin/tenants", {"name": "mine"}), 403, "forbidden")
    path = f"/v1/admin/tenants/{stranger.tenant_id}"
    is_problem(await stranger.call("PATCH", path, json={"name": "other"}), 403, "forbidden")
    assert (await admin.call("PATCH", path, json={"name": "other"})).json()["name"] == "other"


async def test_a_disabled_tenant_lets_nobody_in_and_pauses_its_runs(
    admin: Caller, owner: Browser, edge: Edge, make_caller: MakeCaller
):
    made = await made_tenant(owner, owner="gil@example.org")
    gil = Browser(owner.http)
    await gil.post("/v1/auth/accept", {"secret": secret_of(made["link"]), "name": "Gil", "password": PASSWORD})
    program = await make_caller("admin", tenant="garden")
    assert (await program.get("/v1/me")).status_code == 200
    path = f"/v1/admin/tenants/{made['id']}"
    assert (await owner.call("PATCH", path, json={"disabled": True})).json()["disabled_at"]
    is_problem(await gil.get("/v1/me"), 401, "unauthenticated")
    is_problem(await program.get("/v1/me"), 401, "unauthenticated")
    is_problem(await gil.sign_in("gil@example.org"), 401, "unauthenticated")
    reach = Reach.of_tenant(program.tenant_id)
    assert [order.kind for order in await edge.stop_runs.in_force(program.tenant_id, reach)] == ["pause"]
    await owner.call("PATCH", path, json={"disabled": False})
    assert await edge.stop_runs.in_force(program.tenant_id, reach) == ()
    assert (await program.get("/v1/me")).status_code == 200
    home = f"/v1/admin/tenants/{admin.tenant_id}"
    is_problem(await owner.call("PATCH", home, json={"disabled": True}), 409, "conflict")


async def test_somebody_known_joins_another_tenant_with_the_own_password_and_moves(owner: Browser):
    made = await made_tenant(owner, owner="gil@example.org")
    gil = Browser(owner.http)
    await gil.post("/v1/auth/accept", {"secret": secret_of(made["link"]), "name": "Gil", "password": PASSWORD})
    link = (await owner.post("/v1/admin/invitations", {"email": "gil@example.org", "role": "viewer"})).json()["link"]
    body = {"secret": secret_of(link), "name": "Gil", "password": "a takeover's password"}
    is_problem(await Browser(owner.http).post("/v1/auth/accept", body), 401, "unauthenticated")
    guest = Browser(owner.http)
    assert (await guest.post("/v1/auth/accept", {**body, "password": PASSWORD})).status_code == 200
    me = await guest.me()
    assert (me["tenant_name"], me["role"]) == ("acme", "viewer")
    assert [(place["tenant_name"], place["role"]) for place in me["tenants"]] == [
        ("acme", "viewer"), ("garden", "owner"),
    ]  # fmt: skip
    before = dict(guest.cookies)
    moved = await guest.post("/v1/me/tenant", {"tenant_id": made["id"]})
    assert moved.json()["scopes"] == ["admin"]
    assert (await guest.get("/v1/admin/keys")).status_code == 200
    is_problem(await Browser(owner.http, before).get("/v1/me"), 401, "unauthenticated")
    is_problem(await guest.post("/v1/me/tenant", {"tenant_id": me["id"]}), 404, "not_found")


async def test_one_tenants_owner_cannot_take_over_somebody_of_another(owner: Browser):
    made = await made_tenant(owner, owner="gil@example.org")
    gil = Browser(owner.http)
    await gil.post("/v1/auth/accept", {"secret": secret_of(made["link"]), "name": "Gil", "password": PASSWORD})
    link = (await gil.post("/v1/admin/invitations", {"email": "ann@example.org", "role": "viewer"})).json()["link"]
    joined = await Browser(owner.http).post(
        "/v1/auth/accept", {"secret": secret_of(link), "name": "Ann", "password": PASSWORD}
    )
    ann = joined.json()["id"]
    is_problem(await gil.post(f"/v1/admin/users/{ann}/reset"), 403, "forbidden")
    bob = (await (await join(owner, "bob@example.org", "viewer")).me())["id"]
    for method, path in (("PATCH", ""), ("DELETE", ""), ("DELETE", "/logins"), ("POST", "/reset")):
        body = {"json": {}} if method == "PATCH" else {}
        is_problem(await gil.call(method, f"/v1/admin/users/{bob}{path}", **body), 404, "not_found")


async def test_a_rotated_key_works_with_both_secrets_for_a_while(admin: Caller):
    made = (await admin.post("/v1/admin/keys", {"name": "k", "scopes": ["runs:read"]})).json()

    async def status(secret: str) -> int:
        return (await admin.http.get("/v1/runs", headers={"Authorization": f"Bearer {secret}"})).status_code

    rotated = (await admin.post(f"/v1/admin/keys/{made['id']}/rotate", {"grace_s": 60})).json()
    assert rotated["id"] == made["id"]
    assert rotated["prefix"] == rotated["secret"][:11]
    assert rotated["previous_until"]
    assert [await status(made["secret"]), await status(rotated["secret"])] == [200, 200]
    at_once = (await admin.post(f"/v1/admin/keys/{made['id']}/rotate", {"grace_s": 0})).json()
    assert at_once["previous_until"] is None
    assert [await status(made["secret"]), await status(rotated["secret"]), await status(at_once["secret"])] == [
        401, 401, 200,
    ]  # fmt: skip
    await admin.delete(f"/v1/admin/keys/{made['id']}")
    is_problem(await admin.post(f"/v1/admin/keys/{made['id']}/rotate"), 404, "not_found")


async def test_a_weaker_caller_neither_rotates_nor_revokes_a_stronger_key(make_caller: MakeCaller, admin: Caller):
    clerk = await make_caller("users:write", "runs:read")
    key_id = (await admin.get("/v1/me")).json()["key_id"]
    is_problem(await clerk.post(f"/v1/admin/keys/{key_id}/rotate"), 403, "forbidden")
    is_problem(await clerk.delete(f"/v1/admin/keys/{key_id}"), 403, "forbidden")
    answer: httpx.Response = await admin.get("/v1/me")
    assert answer.status_code == 200


async def test_another_tenants_key_is_not_rotated(admin: Caller, stranger: Caller):
    key_id = (await admin.get("/v1/me")).json()["key_id"]
    is_problem(await stranger.post(f"/v1/admin/keys/{key_id}/rotate"), 404, "not_found")


async def test_only_the_operating_tenant_stops_what_is_everybodys(
    admin: Caller, stranger: Caller, owner: Browser, make_caller: MakeCaller
):
    for method, path in (
        ("POST", "/v1/admin/freeze"),
        ("DELETE", "/v1/admin/freeze"),
        ("POST", "/v1/admin/workers/worker@host/drain"),
    ):
        body = {"json": {"reason": "mine"}} if path.endswith("freeze") and method == "POST" else {}
        is_problem(await stranger.call(method, path, **body), 403, "forbidden")
    operator = await join(owner, "olga@example.org", "operator")
    assert (await operator.post("/v1/admin/freeze", {"reason": "fire"})).status_code == 200
    assert (await operator.call("DELETE", "/v1/admin/freeze")).status_code == 200
    assert (await operator.post("/v1/admin/stop", {"action": "pause", "reason": "look"})).status_code == 200
    developer = await join(owner, "dan@example.org", "developer")
    is_problem(await developer.call("DELETE", "/v1/admin/stop"), 403, "forbidden")
