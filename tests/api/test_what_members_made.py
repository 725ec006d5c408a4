"""What somebody has made may no more than they: keys and links end with a role, resets with what they were for."""

import pytest
from backends import Caller, is_problem
from people_world import Browser, join, secret_of, set_up


@pytest.fixture
async def owner(admin: Caller) -> Browser:
    return await set_up(admin)


async def make_key(maker: Browser, *scopes: str) -> Caller:
    made = await maker.post("/v1/admin/keys", {"name": "own", "scopes": scopes})
    assert made.status_code == 201, made.text
    me = await maker.me()
    return Caller(maker.http, made.json()["secret"], me["tenant_id"])


async def make_link(maker: Browser, email: str) -> str:
    made = await maker.post("/v1/admin/invitations", {"email": email, "role": "owner"})
    assert made.status_code == 201, made.text
    return secret_of(made.json()["link"])


@pytest.mark.parametrize("way", ["removed", "kept out", "a lower role"])
async def test_keys_and_links_of_a_member_end_with_its_rights(owner: Browser, way: str):
    bob = await join(owner, "bob@example.org", "owner")
    strong, weak = await make_key(bob, "admin"), await make_key(bob, "runs:read")
    link = await make_link(bob, "other@example.org")
    for key in (strong, weak):
        assert (await key.get("/v1/me")).status_code == 200
    path = f"/v1/admin/users/{(await bob.me())['id']}"
    match way:
        case "removed":
            answer = await owner.call("DELETE", path)
        case "kept out":
            answer = await owner.call("PATCH", path, json={"disabled": True})
        case _:
            answer = await owner.call("PATCH", path, json={"role": "viewer"})
    assert answer.is_success, answer.text
    is_problem(await strong.get("/v1/me"), 401, "unauthenticated")
    assert (await weak.get("/v1/me")).status_code == (200 if way == "a lower role" else 401)
    is_problem(await owner.post("/v1/auth/link", {"secret": link}), 401, "unauthenticated")


async def test_links_of_who_is_kept_out_of_the_installation_end(owner: Browser):
    bob = await join(owner, "bob@example.org", "owner")
    link = await make_link(bob, "other@example.org")
    await owner.call("PATCH", f"/v1/admin/people/{(await bob.me())['id']}", json={"disabled": True})
    is_problem(await owner.post("/v1/auth/link", {"secret": link}), 401, "unauthenticated")


async def test_what_others_made_stays(owner: Browser):
    bob = await join(owner, "bob@example.org", "owner")
    key, link = await make_key(owner, "admin"), await make_link(owner, "other@example.org")
    await owner.call("DELETE", f"/v1/admin/users/{(await bob.me())['id']}")
    assert (await key.get("/v1/me")).status_code == 200
    assert (await owner.post("/v1/auth/link", {"secret": link})).status_code == 200


async def reset(maker: Browser, user: Browser) -> str:
    made = await maker.post(f"/v1/admin/users/{(await user.me())['id']}/reset")
    assert made.status_code == 201, made.text
    return secret_of(made.json()["link"])


async def test_a_link_to_a_new_password_ends_when_its_user_gets_more_rights(owner: Browser):
    bob = await join(owner, "bob@example.org", "viewer")
    link = await reset(owner, bob)
    await owner.call("PATCH", f"/v1/admin/users/{(await bob.me())['id']}", json={"role": "developer"})
    is_problem(await owner.post("/v1/auth/link", {"secret": link}), 401, "unauthenticated")


async def test_a_link_to_a_new_password_ends_when_its_user_joins_another_tenant(owner: Browser, admin: Caller):
    """Or one tenant's owner would get into another's by a link that was made in time."""
    bob = await join(owner, "bob@example.org", "viewer")
    link = await reset(owner, bob)
    made = await admin.post("/v1/admin/tenants", {"name": "orchard", "owner": "bob@example.org"})
    body = {"secret": secret_of(made.json()["link"]), "name": "Bob", "password": "seven green gardens"}
    assert (await Browser(owner.http).post("/v1/auth/accept", body)).status_code == 200
    body = {"secret": link, "name": "Bob", "password": "another password of mine"}
    is_problem(await Browser(owner.http).post("/v1/auth/accept", body), 401, "unauthenticated")
