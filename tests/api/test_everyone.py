"""Whoever runs the installation keeps a user out of all of it."""

from uuid import UUID

import httpx
import pytest
from backends import Caller, is_problem
from people_world import PASSWORD, Browser, join, secret_of, set_up
from serving import MakeCaller

from hortus_server.api.edge import Edge
from hortus_server.domain.audit import Actor
from hortus_server.domain.errors import UnauthenticatedError
from hortus_server.domain.users import Authority
from hortus_server.ports.store import Store
from hortus_server.services.issue_key import KeyDraft, add_key


@pytest.fixture
async def owner(admin: Caller) -> Browser:
    return await set_up(admin)


async def garden_owner(owner: Browser, email: str = "gil@example.org") -> tuple[Browser, str]:
    """The owner of another tenant, and its id."""
    made = (await owner.post("/v1/admin/tenants", {"name": "garden", "owner": email})).json()
    gil = Browser(owner.http)
    body = {"secret": secret_of(made["link"]), "name": "Gil", "password": PASSWORD}
    assert (await gil.post("/v1/auth/accept", body)).status_code == 200
    return gil, made["id"]


async def change(by: Browser | Caller, user_id: str, *, disabled: bool) -> httpx.Response:
    return await by.call("PATCH", f"/v1/admin/people/{user_id}", json={"disabled": disabled})


async def test_a_user_kept_out_of_the_installation_loses_logins_and_keys_in_every_tenant(owner: Browser, admin: Caller):
    gil, _ = await garden_owner(owner)
    await join(gil, "eve@example.org", "owner")
    link = (await owner.post("/v1/admin/invitations", {"email": "gil@example.org", "role": "owner"})).json()["link"]
    guest = Browser(owner.http)
    body = {"secret": secret_of(link), "name": "Gil", "password": PASSWORD}
    assert (await guest.post("/v1/auth/accept", body)).status_code == 200
    keys = [(await one.post("/v1/admin/keys", {"name": "k", "scopes": ["runs:read"]})).json() for one in (gil, guest)]
    user_id = (await gil.me())["id"]

    answer = await change(owner, user_id, disabled=True)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["email"], answer.json()["tenants"], answer.json()["keys"]) == ("gil@example.org", 2, 0)
    assert answer.json()["disabled_at"] is not None
    for browser in (gil, guest):
        is_problem(await browser.get("/v1/me"), 401, "unauthenticated")
    is_problem(await gil.sign_in("gil@example.org"), 401, "unauthenticated")
    for key in keys:
        headers = {"Authorization": f"Bearer {key['secret']}"}
        is_problem(await owner.http.get("/v1/runs", headers=headers), 401, "unauthenticated")
    users = (await owner.get("/v1/admin/users")).json()["items"]
    assert {user["email"]: user["state"] for user in users}["gil@example.org"] == "disabled_everywhere"

    assert (await change(owner, user_id, disabled=False)).json()["disabled_at"] is None
    assert (await gil.sign_in("gil@example.org")).status_code == 200
    headers = {"Authorization": f"Bearer {keys[0]['secret']}"}
    is_problem(await owner.http.get("/v1/runs", headers=headers), 401, "unauthenticated")


async def test_it_stands_in_the_log_of_each_tenant_and_only_at_home_how_much_ended(owner: Browser, admin: Caller):
    gil, _ = await garden_owner(owner)
    eve = await join(gil, "eve@example.org", "owner")
    await gil.post("/v1/admin/keys", {"name": "k", "scopes": ["runs:read"]})
    await change(owner, (await gil.me())["id"], disabled=True)
    home = (await owner.get("/v1/audit", params={"action": "user.disabled_everywhere"})).json()["items"]
    assert [entry["detail"] for entry in home] == [{"email": "gil@example.org", "logins": 1, "keys": 1, "links": 0}]
    there = (await eve.get("/v1/audit", params={"limit": 200})).json()["items"]
    told = {entry["action"]: (entry["actor"]["name"], entry["detail"].get("email")) for entry in there}
    assert told["user.disabled_everywhere"] == ("Ann", "gil@example.org")
    assert told["key.revoked"] == ("Ann", None)


async def test_neither_oneself_nor_the_last_owner_of_a_tenant_is_kept_out(owner: Browser, admin: Caller):
    me = (await owner.me())["id"]
    assert "themselves" in is_problem(await change(owner, me, disabled=True), 409, "conflict")["detail"]
    own_key = (await owner.post("/v1/admin/keys", {"name": "mine", "scopes": ["admin"]})).json()["secret"]
    by_key = Caller(owner.http, own_key, admin.tenant_id)
    owner.http.cookies.clear()
    is_problem(await change(by_key, me, disabled=True), 409, "conflict")
    gil, _ = await garden_owner(owner)
    refused = is_problem(await change(owner, (await gil.me())["id"], disabled=True), 409, "conflict")
    assert "garden" in refused["detail"]
    assert (await gil.me())["role"] == "owner"
    is_problem(await change(admin, me, disabled=True), 409, "conflict")


async def test_only_who_runs_the_installation_sees_and_changes_everyone(
    owner: Browser, admin: Caller, make_caller: MakeCaller, stranger: Caller
):
    gil, _ = await garden_owner(owner)
    me = (await owner.me())["id"]
    for caller in (gil, stranger, await make_caller("users:write", "users:read")):
        is_problem(await caller.get("/v1/admin/people"), 403, "forbidden")
        is_problem(await change(caller, me, disabled=True), 403, "forbidden")
    page = (await owner.get("/v1/admin/people", params={"limit": 1})).json()
    assert [person["email"] for person in page["items"]] == ["gil@example.org"]
    rest = (await owner.get("/v1/admin/people", params={"cursor": page["next_cursor"]})).json()
    assert [person["email"] for person in rest["items"]] == ["ann@example.org"]
    found = (await owner.get("/v1/admin/people", params={"email": "ANN@"})).json()
    assert [person["email"] for person in found["items"]] == ["ann@example.org"]
    is_problem(await change(owner, "0191d6a0-0000-7000-8000-000000000000", disabled=True), 404, "not_found")


async def test_a_key_that_was_made_at_the_same_moment_does_not_work_either(
    owner: Browser, admin: Caller, store: Store, edge: Edge
):
    bob = (await (await join(owner, "bob@example.org", "developer")).me())["id"]
    await change(owner, bob, disabled=True)
    made_by = Authority(Actor("user", bob, "Bob"), frozenset({"runs:read"}), UUID(bob))
    async with store.system_transaction() as uow:
        late = await add_key(uow, admin.tenant_id, KeyDraft("late", ("runs:read",), None), authority=made_by)
    with pytest.raises(UnauthenticatedError):
        await edge.authenticate.by_secret(late.secret)
