"""What was opened with a credential ends with it; and a cookie opens sockets wherever it opens requests."""

import json
from collections.abc import Callable

import httpx
import pytest
from backends import Caller, Writer, is_problem
from clients import ask, socket, until_closed
from fastapi import FastAPI
from serving import MakeCaller, serving
from websockets.exceptions import InvalidStatus

from hortus_server.api.edge import Edge

PUBLIC = "https://hortus.test"
WithOptions = Callable[..., Edge]


async def log_in(http: httpx.AsyncClient, key: str) -> dict[str, str]:
    answer = await http.post("/v1/auth/login", json={"key": key})
    assert answer.status_code == 200, answer.text
    http.cookies.clear()
    return {"Cookie": answer.headers["set-cookie"].split(";")[0]}


async def rotate(admin: Caller, guest: Caller, *, grace_s: int) -> None:
    key_id = (await guest.get("/v1/me")).json()["key_id"]
    assert (await admin.post(f"/v1/admin/keys/{key_id}/rotate", {"grace_s": grace_s})).status_code == 200


async def test_a_rotated_secret_ends_its_logins(http: httpx.AsyncClient, admin: Caller, make_caller: MakeCaller):
    guest = await make_caller("agents:read")
    cookie = await log_in(http, guest.key)
    await rotate(admin, guest, grace_s=60)
    assert (await http.get("/v1/agents", headers=cookie)).status_code == 200
    await rotate(admin, guest, grace_s=0)
    is_problem(await http.get("/v1/agents", headers=cookie), 401, "unauthenticated")


async def test_a_rotated_secret_loses_its_stream(address: str, admin: Caller, make_caller: MakeCaller, writer: Writer):
    guest = await make_caller("sessions:read")
    async with socket(address, f"/v1/sessions/{writer.session_id}/stream?after=1", guest.key) as opened:
        await rotate(admin, guest, grace_s=0)
        assert (await until_closed(opened))[0] == 4401


async def test_a_revoked_key_commands_nothing_more_on_an_open_socket(
    with_options: WithOptions, admin: Caller, make_caller: MakeCaller, app: FastAPI
):
    app.state.edge = edge = with_options(heartbeat_s=60.0)
    guest = await make_caller("sessions:read", "runs:write")
    key_id = (await guest.get("/v1/me")).json()["key_id"]
    async with serving(edge) as (_, where), socket(where, "/v1/stream", guest.key) as opened:
        assert (await ask(opened, id=1, type="ping"))["ok"]
        await admin.delete(f"/v1/admin/keys/{key_id}")
        await opened.send(json.dumps({"id": 2, "type": "ping"}))
        code, frames = await until_closed(opened)
    assert (code, [frame["type"] for frame in frames]) == (4401, ["error"])


async def test_over_tls_the_cookie_opens_sockets_too_and_only_from_pages_over_tls(
    with_options: WithOptions, http: httpx.AsyncClient, admin: Caller, app: FastAPI
):
    app.state.edge = edge = with_options(public_origin=PUBLIC)
    cookie = await log_in(http, admin.key)
    assert cookie["Cookie"].startswith("__Host-hortus_login=")
    async with serving(edge) as (_, where):
        async with socket(where, "/v1/stream", headers=cookie, origin=PUBLIC) as opened:
            assert (await ask(opened, id=1, type="ping"))["ok"]
        for origin in (f"http://{where}", "http://hortus.test", "https://evil.test"):
            with pytest.raises(InvalidStatus) as refused:
                async with socket(where, "/v1/stream", headers=cookie, origin=origin):
                    pass
            assert refused.value.response.status_code == 403


@pytest.mark.parametrize("origin", ["http://[", "null", "http://hortus.test:1", "http://hortus.test/", "//hortus.test"])
async def test_an_origin_that_is_none_is_another(http: httpx.AsyncClient, admin: Caller, origin: str):
    answer = await http.post("/v1/auth/login", json={"key": admin.key}, headers={"Origin": origin})
    is_problem(answer, 403, "csrf")
