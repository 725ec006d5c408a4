"""The admin UI's cookie: useful to the server's own pages only, and never beyond its key."""

import httpx
import pytest
from backends import Caller, is_problem
from clients import read, socket
from fastapi import FastAPI
from serving import MakeCaller
from websockets.exceptions import InvalidStatus

from hortus_server.api.cookies import CookieSigner
from hortus_server.domain.errors import UnauthenticatedError

CSRF = {"X-Hortus-CSRF": "1", "Origin": "http://hortus.test"}


async def log_in(http: httpx.AsyncClient, key: str) -> str:
    answer = await http.post("/v1/auth/login", json={"key": key})
    assert answer.status_code == 200, answer.text
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "hk_" not in cookie
    return cookie.split(";")[0]


async def test_a_login_reads_with_the_rights_of_its_key(http: httpx.AsyncClient, make_caller: MakeCaller):
    reader = await make_caller("agents:read")
    headers = {"Cookie": await log_in(http, reader.key)}
    me = (await http.get("/v1/me", headers=headers)).json()
    assert (me["via"], me["scopes"]) == ("cookie", ["agents:read"])
    assert (await http.get("/v1/agents", headers=headers)).status_code == 200
    is_problem(await http.get("/v1/runs", headers=headers), 403, "forbidden")


async def test_changes_by_cookie_need_the_header_and_the_servers_own_origin(http: httpx.AsyncClient, admin: Caller):
    cookie = {"Cookie": await log_in(http, admin.key)}
    body = {"name": "a"}
    for extra in ({}, {"X-Hortus-CSRF": "1"}, {"Origin": CSRF["Origin"]}, {**CSRF, "Origin": "http://evil.test"}):
        is_problem(await http.post("/v1/agents", json=body, headers=cookie | extra), 403, "csrf")
    assert (await http.post("/v1/agents", json=body, headers=cookie | CSRF)).status_code == 201


async def test_a_revoked_key_ends_its_logins(http: httpx.AsyncClient, admin: Caller, make_caller: MakeCaller):
    guest = await make_caller("agents:read")
    cookie = {"Cookie": await log_in(http, guest.key)}
    key_id = (await http.get("/v1/me", headers=cookie)).json()["key_id"]
    await admin.delete(f"/v1/admin/keys/{key_id}")
    is_problem(await http.get("/v1/me", headers=cookie), 401, "unauthenticated")


async def test_wrong_keys_and_forged_cookies_are_refused(http: httpx.AsyncClient, admin: Caller):
    is_problem(await http.post("/v1/auth/login", json={"key": "hk_wrong"}), 401, "unauthenticated")
    genuine = await log_in(http, admin.key)
    # A signature's last letter holds bits that say nothing, and two letters may be the genuine ones.
    signed, _, signature = genuine.rpartition(".")
    for forged in ("hortus_login=x", "hortus_login=..", f"{signed}.{signature[::-1]}", f"{genuine}é"):
        answer = await http.get("/v1/me", headers={"Cookie": forged.encode()})
        is_problem(answer, 401, "unauthenticated")


async def test_logging_out_drops_the_cookie(http: httpx.AsyncClient, admin: Caller):
    cookie = {"Cookie": await log_in(http, admin.key)}
    answer = await http.post("/v1/auth/logout", headers=cookie | CSRF)
    assert answer.status_code == 204
    assert "Max-Age=0" in answer.headers["set-cookie"]


async def test_without_a_secret_there_is_no_login(app: FastAPI, admin: Caller, with_options):
    app.state.edge = with_options(cookie_secret=None)
    is_problem(await admin.http.post("/v1/auth/login", json={"key": admin.key}), 403, "forbidden")


async def test_a_socket_takes_the_cookie_only_from_the_servers_own_pages(
    address: str, http: httpx.AsyncClient, admin: Caller
):
    cookie = {"Cookie": await log_in(http, admin.key)}
    async with socket(address, "/v1/stream", headers=cookie, origin=f"http://{address}") as opened:
        await opened.send('{"id": 1, "type": "ping"}')
        assert (await read(opened))["ok"]
    for origin in (None, "http://evil.test"):
        with pytest.raises(InvalidStatus) as refused:
            async with socket(address, "/v1/stream", headers=cookie, origin=origin):
                pass
        assert refused.value.response.status_code == 403


def test_a_cookie_expires():
    now = 1_000_000.0
    signer = CookieSigner(b"secret", clock=lambda: now)
    token = signer.sign(b"k" * 32)
    assert signer.read(token) == b"k" * 32
    late = CookieSigner(b"secret", clock=lambda: now + 12 * 3600 + 1)
    with pytest.raises(UnauthenticatedError):
        late.read(token)
    with pytest.raises(UnauthenticatedError):
        CookieSigner(b"other", clock=lambda: now).read(token)
