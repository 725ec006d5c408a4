"""Whatever a tenant makes has an end: the bound is exact, and its refusal says what to do."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from backends import Caller, is_problem
from people_world import PASSWORD, Browser, join, secret_of, set_up

from hortus_server.domain.bounds import INSTEAD, MOST, Bounded
from hortus_server.ports.store import Store

TIMING = {"kind": "interval", "every_s": 3600}
CREATES: dict[Bounded, tuple[str, dict[str, Any]]] = {
    "agents": ("/v1/agents", {"name": "more{}", "spec": {}}),
    "agent versions": ("/v1/agents/helper/versions", {"spec": {"instructions": "{}"}}),
    "policies": ("/v1/policies", {"name": "p{}", "agent": "a{}", "rules": []}),
    "policy versions": ("/v1/policies/house/versions", {"rules": [], "comment": "{}"}),
    "keys": ("/v1/admin/keys", {"name": "k{}", "scopes": ["runs:read"]}),
    "open links": ("/v1/admin/invitations", {"email": "v{}@example.org", "role": "viewer"}),
    "webhooks": ("/v1/webhooks", {"url": "https://example.org/{}", "events": ["*"]}),
    "schedules": ("/v1/schedules", {"name": "s{}", "timing": TIMING, "agent": "helper", "input": "x"}),
    "tenants": ("/v1/admin/tenants", {"name": "t{}"}),
}


def numbered(value: Any, number: int) -> Any:
    """The body with its number in it."""
    match value:
        case str():
            return value.replace("{}", str(number))
        case dict():
            return {key: numbered(item, number) for key, item in value.items()}
        case _:
            return value


def test_every_bound_says_what_to_do_instead():
    assert MOST.keys() == INSTEAD.keys()
    assert {"members", "imported tools", "sensitivity floors"} == MOST.keys() - CREATES.keys()


async def test_there_is_no_room_for_one_more(admin: Caller, store: Store, monkeypatch: pytest.MonkeyPatch):
    of = {"agent versions": UUID((await admin.agent())["id"])}
    for number in range(4):
        await admin.agent(f"a{number}")
    house = (await admin.post("/v1/policies", {"name": "house", "rules": []})).json()
    of["policy versions"] = UUID(house["id"])
    for kind, (path, body) in CREATES.items():
        async with store.system_transaction() as uow:
            there = await uow.bounds.count(admin.tenant_id, kind, of=of.get(kind), most=1_000)
        monkeypatch.setitem(MOST, kind, there + 2)  # type: ignore[arg-type]
        answers = await asyncio.gather(*(admin.post(path, numbered(body, number)) for number in range(4)))
        codes = sorted(answer.status_code for answer in answers)
        assert codes == [201, 201, 409, 409], (kind, [one.text for one in answers])
        refused = is_problem(next(one for one in answers if one.status_code == 409), 409, "conflict")
        assert INSTEAD[kind] in refused["detail"]


async def test_one_tenants_bound_is_not_anothers(admin: Caller, stranger: Caller, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(MOST, "agents", 1)  # type: ignore[arg-type]
    await admin.agent()
    is_problem(await admin.post("/v1/agents", {"name": "b", "spec": {}}), 409, "conflict")
    await stranger.agent()


async def test_revoked_keys_and_used_links_make_room(admin: Caller, monkeypatch: pytest.MonkeyPatch):
    owner = await set_up(admin)
    monkeypatch.setitem(MOST, "keys", 2)  # type: ignore[arg-type]
    monkeypatch.setitem(MOST, "open links", 1)  # type: ignore[arg-type]
    body = {"name": "k", "scopes": ["runs:read"]}
    made = (await owner.post("/v1/admin/keys", body)).json()
    is_problem(await owner.post("/v1/admin/keys", body), 409, "conflict")
    await owner.call("DELETE", f"/v1/admin/keys/{UUID(made['id'])}")
    assert (await owner.post("/v1/admin/keys", body)).status_code == 201
    await join(owner, "bob@example.org", "viewer")
    await join(owner, "eve@example.org", "viewer")


async def test_a_full_tenant_takes_no_further_member(admin: Caller, monkeypatch: pytest.MonkeyPatch):
    owner = await set_up(admin)
    link = (await owner.post("/v1/admin/invitations", {"email": "v@example.org", "role": "viewer"})).json()["link"]
    monkeypatch.setitem(MOST, "members", 1)  # type: ignore[arg-type]
    guest = Browser(owner.http)
    body = {"secret": secret_of(link), "name": "V", "password": PASSWORD}
    refused = is_problem(await guest.post("/v1/auth/accept", body), 409, "conflict")
    assert "at most 1 members: remove some" in refused["detail"]
    monkeypatch.setitem(MOST, "members", 2)  # type: ignore[arg-type]
    assert (await guest.post("/v1/auth/accept", body)).status_code == 200, "the link was not used up"
