"""Users sign in, are invited, change and go; nobody gets more than they were given."""

import asyncio
from datetime import timedelta

import httpx
import pytest
from backends import Caller, is_problem
from people_world import ORIGIN, OWNER, PASSWORD, Browser, join, secret_of, set_up
from serving import MakeCaller

from hortus_server.adapters.postgres.store import PostgresStore
from hortus_server.api.edge import Edge
from hortus_server.domain.users import LoginRules
from hortus_server.ports.store import Store


@pytest.fixture
async def owner(admin: Caller) -> Browser:
    return await set_up(admin)


async def test_the_printed_key_makes_the_first_owner_once(admin: Caller):
    assert (await admin.get("/v1/me")).json()["setup"]
    assert not (await admin.http.get("/v1/auth/options")).json()["users"]
    owner = await set_up(admin)
    me = await owner.me()
    assert (me["kind"], me["role"], me["scopes"], me["email"]) == ("user", "owner", ["admin"], "ann@example.org")
    assert me["tenant_name"] == "acme"
    assert not me["setup"]
    assert (await admin.http.get("/v1/auth/options")).json() == {"login": True, "users": True, "oidc": None}
    second = await admin.post("/v1/auth/first-owner", {**OWNER, "email": "eve@example.org"})
    is_problem(second, 409, "conflict")


async def test_two_set_ups_at_once_make_one_owner(admin: Caller):
    bodies = [{**OWNER, "email": f"{name}@example.org"} for name in ("ann", "eve")]
    answers = await asyncio.gather(*(admin.post("/v1/auth/first-owner", body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [201, 409]


async def test_only_the_operating_tenants_admin_sets_up(stranger: Caller, make_caller: MakeCaller, admin: Caller):
    outsider = await make_caller("admin", tenant="third")
    for caller in (outsider, await make_caller("users:write", "users:read")):
        is_problem(await caller.post("/v1/auth/first-owner", OWNER), 403, "forbidden")


async def test_a_password_signs_in_and_the_cookie_is_locked_up(owner: Browser):
    browser = Browser(owner.http)
    answer = await browser.sign_in(" Ann@Example.org ")
    assert answer.status_code == 200, answer.text
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/" in cookie
    assert answer.headers["cache-control"] == "no-store"
    assert (await browser.me())["name"] == "Ann"
    assert browser.cookies != owner.cookies, "each sign-in has a token of its own"


async def test_over_tls_the_cookie_is_bound_to_the_host(owner: Browser):
    answer = await owner.http.post("https://hortus.test/v1/auth/sign-in", json=OWNER | {"name": None}, headers={})
    is_problem(answer, 422, "invalid_request")
    body = {"email": OWNER["email"], "password": PASSWORD}
    answer = await owner.http.post("https://hortus.test/v1/auth/sign-in", json=body)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-hortus_login=hl_")
    assert "Secure" in cookie
    owner.http.cookies.clear()
    plain = {"Cookie": cookie.split(";")[0].removeprefix("__Host-")}
    is_problem(await owner.http.get("https://hortus.test/v1/me", headers=plain), 401, "unauthenticated")


async def test_what_is_wrong_about_a_sign_in_is_not_told(owner: Browser):
    guest = await join(owner, "bob@example.org", "viewer")
    bob = (await guest.me())["id"]
    await owner.call("PATCH", f"/v1/admin/users/{bob}", json={"disabled": True})
    details = set()
    for email, password in (
        ("ann@example.org", "not her password"),
        ("nobody@example.org", PASSWORD),
        ("bob@example.org", "not his password"),
    ):
        details.add(is_problem(await Browser(owner.http).sign_in(email, password), 401, "unauthenticated")["detail"])
    assert details == {"the address or the password is wrong"}
    is_problem(await Browser(owner.http).sign_in("bob@example.org"), 401, "unauthenticated")


async def test_failures_are_counted_per_account_whether_there_is_one_or_not(owner: Browser):
    for email in ("ann@example.org", "nobody@example.org"):
        for _ in range(LoginRules().account_failures):
            is_problem(await Browser(owner.http).sign_in(email, "wrong"), 401, "unauthenticated")
        answer = await Browser(owner.http).sign_in(email)
        assert is_problem(answer, 429, "limit_exceeded")["limit"] == LoginRules().account_failures
        assert 0 < int(answer.headers["retry-after"]) <= 900


async def test_guesses_sent_at_once_are_counted_too(owner: Browser):
    answers = await asyncio.gather(*(Browser(owner.http).sign_in("ann@example.org", f"guess {n}") for n in range(20)))
    assert sum(answer.status_code == 401 for answer in answers) <= LoginRules().account_failures


async def test_failures_are_counted_per_address(owner: Browser):
    limit = LoginRules().address_failures
    answers = [await Browser(owner.http).sign_in(f"u{n}@example.org", "wrong") for n in range(limit + 1)]
    assert [answer.status_code for answer in answers[-2:]] == [401, 429]


async def test_a_right_password_forgives(owner: Browser):
    for _ in range(3):
        for _ in range(LoginRules().account_failures - 1):
            await Browser(owner.http).sign_in("ann@example.org", "wrong")
        assert (await Browser(owner.http).sign_in("ann@example.org")).status_code == 200


async def test_changes_by_a_login_need_the_header_and_the_own_origin(owner: Browser):
    for headers in ({"X-Hortus-CSRF": ""}, {"Origin": "http://evil.test"}, {"Origin": ""}):
        is_problem(await owner.post("/v1/agents", {"name": "a"}, headers=headers), 403, "csrf")
    assert (await owner.post("/v1/agents", {"name": "a"})).status_code == 201
    body = {"email": OWNER["email"], "password": PASSWORD}
    answer = await owner.http.post("/v1/auth/sign-in", json=body, headers={"Origin": "http://evil.test"})
    is_problem(answer, 403, "csrf")


async def test_roles_open_what_they_cover(owner: Browser):
    viewer = await join(owner, "vera@example.org", "viewer")
    developer = await join(owner, "dan@example.org", "developer")
    operator = await join(owner, "olga@example.org", "operator")
    agent = {"name": "a"}
    assert (await viewer.get("/v1/agents")).status_code == 200
    is_problem(await viewer.post("/v1/agents", agent), 403, "forbidden")
    is_problem(await viewer.get("/v1/admin/users"), 403, "forbidden")
    assert (await developer.post("/v1/agents", agent)).status_code == 201
    is_problem(await developer.get("/v1/admin/keys"), 403, "forbidden")
    is_problem(await operator.post("/v1/agents", {"name": "b"}), 403, "forbidden")
    assert (await operator.get("/v1/admin/users")).status_code == 200
    for somebody in (viewer, developer, operator):
        is_problem(
            await somebody.post("/v1/admin/invitations", {"email": "x@y.org", "role": "viewer"}), 403, "forbidden"
        )
        is_problem(await somebody.get("/v1/admin/tenants"), 403, "forbidden")


async def test_a_changed_role_holds_at_once(owner: Browser):
    bob = await join(owner, "bob@example.org", "viewer")
    path = f"/v1/admin/users/{(await bob.me())['id']}"
    assert (await owner.call("PATCH", path, json={"role": "developer"})).json()["role"] == "developer"
    assert (await bob.post("/v1/agents", {"name": "a"})).status_code == 201
    await owner.call("PATCH", path, json={"disabled": True})
    is_problem(await bob.get("/v1/me"), 401, "unauthenticated")
    await owner.call("PATCH", path, json={"disabled": False})
    is_problem(await bob.get("/v1/me"), 401, "unauthenticated")
    assert (await bob.sign_in("bob@example.org")).status_code == 200


async def test_the_last_owner_stays(owner: Browser):
    path = f"/v1/admin/users/{(await owner.me())['id']}"
    for change in ({"role": "viewer"}, {"disabled": True}):
        is_problem(await owner.call("PATCH", path, json=change), 409, "conflict")
    is_problem(await owner.call("DELETE", path), 409, "conflict")
    await join(owner, "bob@example.org", "owner")
    assert (await owner.call("DELETE", path)).status_code == 204
    is_problem(await owner.get("/v1/me"), 401, "unauthenticated")


async def test_nobody_hands_on_more_than_they_have(owner: Browser, make_caller: MakeCaller):
    clerk = await make_caller("users:read", "users:write", "runs:read")
    ann = (await owner.me())["id"]
    for role in ("owner", "operator", "developer"):
        is_problem(await clerk.post("/v1/admin/invitations", {"email": "x@y.org", "role": role}), 403, "forbidden")
    is_problem(await clerk.call("PATCH", f"/v1/admin/users/{ann}", json={"role": "viewer"}), 403, "forbidden")
    is_problem(await clerk.post(f"/v1/admin/users/{ann}/reset"), 403, "forbidden")
    is_problem(await clerk.post("/v1/admin/keys", {"name": "k", "scopes": ["runs:write"]}), 403, "forbidden")
    is_problem(await clerk.post("/v1/admin/keys", {"name": "k", "scopes": ["admin"]}), 403, "forbidden")
    assert (await clerk.post("/v1/admin/keys", {"name": "k", "scopes": ["runs:read"]})).status_code == 201


async def test_a_link_works_once_and_for_its_address(owner: Browser):
    made = (await owner.post("/v1/admin/invitations", {"email": "Bob@example.org", "role": "viewer"})).json()
    assert made["link"].startswith(f"{ORIGIN}/join#")
    secret = secret_of(made["link"])
    look = (await owner.http.post("/v1/auth/link", json={"secret": secret})).json()
    assert (look["email"], look["role"], look["tenant_name"], look["is_known"]) == (
        "bob@example.org", "viewer", "acme", False,
    )  # fmt: skip
    body = {"secret": secret, "name": "Bob", "password": PASSWORD}
    answers = await asyncio.gather(*(Browser(owner.http).post("/v1/auth/accept", body) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) in ([200, 401], [200, 409])
    is_problem(await owner.http.post("/v1/auth/link", json={"secret": secret}), 401, "unauthenticated")
    listed = (await owner.get("/v1/admin/invitations")).json()["items"]
    assert listed[0]["used_at"]
    assert secret not in str(listed)


async def test_a_newer_link_and_a_revoked_one_replace_what_was_before(owner: Browser):
    body = {"email": "bob@example.org", "role": "viewer"}
    first = (await owner.post("/v1/admin/invitations", body)).json()
    second = (await owner.post("/v1/admin/invitations", body)).json()
    is_problem(
        await owner.http.post("/v1/auth/link", json={"secret": secret_of(first["link"])}), 401, "unauthenticated"
    )
    await owner.call("DELETE", f"/v1/admin/invitations/{second['id']}")
    is_problem(
        await owner.http.post("/v1/auth/link", json={"secret": secret_of(second["link"])}), 401, "unauthenticated"
    )
    is_problem(await owner.call("DELETE", f"/v1/admin/invitations/{second['id']}"), 404, "not_found")


async def test_bad_passwords_are_refused_with_the_reason(owner: Browser):
    made = (await owner.post("/v1/admin/invitations", {"email": "bob@example.org", "role": "viewer"})).json()
    for password in ("short", "aaaaaaaaaaaaaa", "Password12345", "bob@example.org"):
        body = {"secret": secret_of(made["link"]), "name": "Bob", "password": password}
        is_problem(await owner.http.post("/v1/auth/accept", json=body), 422, "invalid_input")
    is_problem(
        await owner.post("/v1/admin/invitations", {"email": "no address", "role": "viewer"}), 422, "invalid_input"
    )


async def test_changing_the_password_ends_the_other_logins(owner: Browser):
    elsewhere = Browser(owner.http)
    await elsewhere.sign_in("ann@example.org")
    logins = (await owner.get("/v1/me/logins")).json()["items"]
    assert [one["is_this"] for one in logins] == [False, True]
    new = "an even greener garden"
    is_problem(await owner.post("/v1/me/password", {"old": "wrong", "new": new}), 401, "unauthenticated")
    before = dict(owner.cookies)
    assert (await owner.post("/v1/me/password", {"old": PASSWORD, "new": new})).status_code == 200
    assert owner.cookies != before
    await owner.me()
    is_problem(await elsewhere.get("/v1/me"), 401, "unauthenticated")
    is_problem(await Browser(owner.http, before).get("/v1/me"), 401, "unauthenticated")
    is_problem(await elsewhere.sign_in("ann@example.org"), 401, "unauthenticated")
    assert (await elsewhere.sign_in("ann@example.org", new)).status_code == 200


async def test_logins_can_be_ended_one_by_one_and_all(owner: Browser):
    others = [Browser(owner.http) for _ in range(3)]
    for other in others:
        await other.sign_in("ann@example.org")
    newest = (await owner.get("/v1/me/logins")).json()["items"][0]
    assert (await owner.call("DELETE", f"/v1/me/logins/{newest['id']}")).status_code == 204
    is_problem(await others[2].get("/v1/me"), 401, "unauthenticated")
    assert (await owner.call("DELETE", "/v1/me/logins")).json() == {"ended": 2}
    is_problem(await others[0].get("/v1/me"), 401, "unauthenticated")
    await owner.me()
    assert (await owner.post("/v1/auth/logout")).status_code == 204
    assert owner.cookies == {}


async def test_logins_end_when_idle_and_in_any_case(store: PostgresStore, with_options, app, admin: Caller):
    app.state.edge = with_options(logins=LoginRules(idle=timedelta(hours=2), absolute=timedelta(days=1)))

    async def passes(column: str, hours: int) -> None:
        async with store._pool.connection() as connection:
            query = f"UPDATE logins SET {column} = {column} - make_interval(hours => %s)"  # noqa: S608 - ours
            await connection.execute(query, (hours,))
        app.state.edge.authenticate_login.forget_all()

    idle = await set_up(admin)
    await passes("last_seen_at", 1)
    await idle.me()
    await passes("last_seen_at", 3)
    is_problem(await idle.get("/v1/me"), 401, "unauthenticated")
    short = Browser(admin.http)
    await short.sign_in("ann@example.org")
    await passes("expires_at", 23)
    await short.me()
    await passes("expires_at", 1)
    is_problem(await short.get("/v1/me"), 401, "unauthenticated")


async def test_an_owner_resets_a_forgotten_password(owner: Browser):
    bob = await join(owner, "bob@example.org", "viewer")
    made = await owner.post(f"/v1/admin/users/{(await bob.me())['id']}/reset")
    secret, new = secret_of(made.json()["link"]), "the second garden of bob's"
    look = (await owner.http.post("/v1/auth/link", json={"secret": secret})).json()
    assert (look["purpose"], look["is_known"]) == ("reset", True)
    body = {"secret": secret, "name": "Bob", "password": new}
    assert (await Browser(owner.http).post("/v1/auth/accept", body)).status_code == 200
    is_problem(await bob.get("/v1/me"), 401, "unauthenticated")
    is_problem(await bob.sign_in("bob@example.org"), 401, "unauthenticated")
    assert (await bob.sign_in("bob@example.org", new)).status_code == 200


async def test_every_administrative_act_is_in_the_audit_log(owner: Browser, store: Store, admin: Caller):
    bob = await join(owner, "bob@example.org", "viewer")
    path = f"/v1/admin/users/{(await bob.me())['id']}"
    await owner.call("PATCH", path, json={"role": "developer"})
    await owner.call("DELETE", path)
    actions = [entry["action"] for entry in (await admin.get("/v1/audit")).json()["items"]]
    for action in ("user.created", "user.invited", "user.joined", "user.role_changed", "user.removed", "login.started"):
        assert action in actions


async def test_a_user_counts_once_by_login_and_by_key(owner: Browser, edge: Edge):
    made = (await owner.post("/v1/admin/keys", {"name": "ann's", "scopes": ["admin"]})).json()
    assert made["made_by"] == "Ann"
    second = await owner.http.post(
        "/v1/admin/keys",
        json={"name": "by key", "scopes": ["runs:read"]},
        headers={"Authorization": f"Bearer {made['secret']}"},
    )
    me = (await owner.me())["id"]
    for secret in (made["secret"], second.json()["secret"]):
        key = await edge.authenticate.by_secret(secret)
        assert str(key.person_id) == me


async def test_without_a_cookie_secret_nobody_signs_in(app, with_options, owner: Browser):
    app.state.edge = with_options(cookie_secret=None)
    is_problem(await Browser(owner.http).sign_in("ann@example.org"), 403, "forbidden")
    assert not (await owner.http.get("/v1/auth/options")).json()["login"]


async def test_keys_do_not_do_what_users_do(admin: Caller, owner: Browser):
    for call in (
        admin.get("/v1/me/logins"),
        admin.post("/v1/me/password", {"old": "x", "new": "a long enough password"}),
        admin.post("/v1/me/tenant", {"tenant_id": str(admin.tenant_id)}),
    ):
        answer: httpx.Response = await call
        is_problem(answer, 403, "forbidden")
