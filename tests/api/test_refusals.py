"""What is refused is counted by address or told to the audit log, and neither can be flooded."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

import httpx
import pytest
from backends import Caller, is_problem
from clients import ask, socket, until_closed
from people_world import PASSWORD, join, set_up
from serving import MakeCaller, serving
from websockets.exceptions import InvalidStatus

from hortus_server.api.app import create_app
from hortus_server.api.edge import Edge
from hortus_server.domain.audit import SYSTEM, Actor
from hortus_server.domain.errors import UnauthenticatedError
from hortus_server.domain.ids import TenantId
from hortus_server.domain.rates import RateDefaults
from hortus_server.ports.store import Store
from hortus_server.services.limit_strangers import KNOWN, LOOKS, LimitStrangers
from hortus_server.services.note_refusals import ENTRIES, NoteRefusals, Refusal

WithOptions = Callable[..., Edge]
FEW = RateDefaults(failures_per_minute=6, failures_burst=3)
WRONG = {"Authorization": "Bearer hk_wrong"}


@dataclass
class Clock:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


async def entries(store: Store, tenant_id: TenantId, action: str) -> list[Any]:
    async with store.transaction(tenant_id) as uow:
        found = await uow.audit.read_after(tenant_id, 0, limit=500)
    return [entry for entry in found if entry.action == action]


def client(edge: Edge, tmp_path: Any, *, address: str = "203.0.113.7") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(create_app(edge, static=tmp_path / "none"), client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://hortus.test")


async def test_a_loop_of_refusals_is_one_entry_that_counts_them(edge: Edge, make_caller: MakeCaller, store: Store):
    viewer = await make_caller("runs:read")
    for _ in range(5):
        is_problem(await viewer.post("/v1/agents", {"name": "mine", "spec": {}}), 403, "forbidden")
    is_problem(await viewer.get("/v1/agents/some-agent"), 403, "forbidden")
    assert await entries(store, viewer.tenant_id, "access.denied") == []
    await edge.note_refusals.flush()
    found = await entries(store, viewer.tenant_id, "access.denied")
    assert [(one.subject, one.detail["scope"], one.detail["count"]) for one in found] == [
        ("route:POST /v1/agents", "agents:write", 5),
        ("route:GET /v1/agents/{agent}", "agents:read", 1),
    ]
    assert {(one.actor.kind, one.actor.name) for one in found} == {("key", "test")}
    assert found[0].detail["since"] <= found[0].detail["until"]


async def test_refusals_go_to_the_log_of_the_callers_own_tenant(
    edge: Edge, admin: Caller, stranger: Caller, store: Store
):
    is_problem(await stranger.get("/v1/admin/tenants"), 403, "forbidden")
    is_problem(
        await stranger.call("PATCH", f"/v1/admin/tenants/{admin.tenant_id}", json={"name": "x"}), 403, "forbidden"
    )
    await edge.note_refusals.flush()
    subjects = [one.subject for one in await entries(store, stranger.tenant_id, "access.denied")]
    assert subjects == ["route:GET /v1/admin/tenants", "route:PATCH /v1/admin/tenants/{tenant_id}"]
    assert await entries(store, admin.tenant_id, "access.denied") == []


async def test_a_kind_of_refusal_is_written_once_a_minute(admin: Caller, store: Store):
    clock = Clock()
    noting = NoteRefusals(store, clock=clock)
    refusal = Refusal(admin.tenant_id, Actor("key", "k", "eve"), "access.denied", "route:GET /x")
    for second in range(121):
        clock.now += 1
        noting.note(refusal)
        if second % 5 == 0:
            await noting.flush()
    counts = [one.detail["count"] for one in await entries(store, admin.tenant_id, "access.denied")]
    assert counts == [1, 60, 60]


async def test_a_tenants_log_takes_so_many_entries_a_minute_and_the_last_stands_for_the_rest(
    admin: Caller, store: Store
):
    clock = Clock()
    noting = NoteRefusals(store, clock=clock)
    for number in range(3 * ENTRIES):
        noting.note(Refusal(admin.tenant_id, Actor("key", f"k{number}", ""), "access.denied", "route:GET /x"))
    await noting.flush()
    found = await entries(store, admin.tenant_id, "access.denied")
    assert len(found) == ENTRIES
    assert (found[-1].subject, found[-1].detail["count"], found[-1].detail["kinds"]) == (
        "many", 2 * ENTRIES + 1, str(2 * ENTRIES + 1),
    )  # fmt: skip
    assert sum(one.detail["count"] for one in found) == 3 * ENTRIES


async def test_a_failed_sign_in_is_told_to_the_tenants_of_its_user_and_never_what_was_typed(
    edge: Edge, admin: Caller, store: Store
):
    owner = await set_up(admin)
    guest = await join(owner, "bob@example.org", "viewer")
    for email in ("bob@example.org", "bob@example.org", "my-secret-password@typo.example"):
        is_problem(await guest.sign_in(email, "not the password"), 401, "unauthenticated")
    is_problem(await admin.http.post("/v1/auth/login", json={"key": "hk_no"}), 401, "unauthenticated")
    await edge.note_refusals.flush()
    found = await entries(store, admin.tenant_id, "login.failed")
    told = {one.subject.partition(":")[0]: one.detail["count"] for one in found if "email" in one.detail}
    assert told == {"user": 2}
    assert sorted(one.detail["count"] for one in found) == [1, 1, 2]
    assert "typo.example" not in str([one.detail for one in found])
    assert {one.actor for one in found} == {SYSTEM}


async def test_beyond_a_burst_an_address_is_told_to_wait_and_valid_keys_pass_from_there(
    with_options: WithOptions, admin: Caller, tmp_path: Any
):
    edge = with_options(rates=FEW)
    edge.limit_strangers.clock = Clock()
    async with client(edge, tmp_path) as http:
        answers = [await http.get("/v1/me", headers=headers) for headers in (WRONG, {}, WRONG, WRONG)]
        assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
        refused = is_problem(answers[-1], 429, "rate_limited")
        assert (refused["holder"], refused["limit"], answers[-1].headers["retry-after"]) == ("address", 6, "10")
        assert (await http.get("/v1/me", headers=admin.headers)).status_code == 200
        assert (await http.get("/v1/auth/options")).status_code == 200
        is_problem(await http.post("/v1/auth/link", json={"secret": "guess"}), 429, "rate_limited")
    async with client(edge, tmp_path, address="203.0.113.8") as http:
        is_problem(await http.get("/v1/me", headers=WRONG), 401, "unauthenticated")
    await edge.note_refusals.flush()
    (blocked,) = (await admin.get("/v1/audit", params={"action": "access.blocked"})).json()["items"]
    assert (blocked["subject"], blocked["detail"]["count"]) == ("address:203.0.113.7", 2)


async def test_the_addresses_of_a_household_are_one_and_come_back_with_time():
    clock = Clock()
    strangers = LimitStrangers(FEW, clock)
    assert [strangers.count(f"2001:db8::{number}") is None for number in range(1, 5)] == [True, True, True, False]
    assert strangers.count("2001:db8:0:1::1") is None
    clock.now += 10
    assert [strangers.count("2001:db8::5") is None for _ in range(2)] == [True, False]


async def test_no_more_networks_are_remembered_than_there_is_room_for():
    strangers = LimitStrangers(FEW, Clock())
    for number in range(KNOWN + 100):
        strangers.count(f"10.{number >> 16}.{(number >> 8) & 255}.{number & 255}")
    assert len(strangers._networks) == KNOWN


async def test_an_address_that_is_out_of_failures_keeps_few_look_ups_busy():
    strangers, busy, most = LimitStrangers(FEW, Clock()), 0, 0

    async def look(address: str) -> None:
        nonlocal busy, most
        async with strangers.looking(address):
            busy += 1
            most = max(most, busy)
            await asyncio.sleep(0)
            busy -= 1

    await asyncio.gather(*(look("10.0.0.1") for _ in range(20)))
    assert most == 20
    for _ in range(3):
        strangers.count("10.0.0.1")
    most = 0
    await asyncio.gather(*(look("10.0.0.1") for _ in range(20)))
    assert most == LOOKS
    looking = strangers.looking
    async with looking("10.0.0.1"), looking("10.0.0.1"), asyncio.timeout(10), looking("10.0.0.1", known=True):
        pass  # what is known already waits for nobody


async def test_sockets_count_too_before_and_after_they_are_open(with_options: WithOptions, admin: Caller):
    edge = with_options(rates=FEW)
    edge.limit_strangers.clock = Clock()
    async with serving(edge) as (_, address):
        for status in (401, 401):
            with pytest.raises(InvalidStatus) as refused:
                async with socket(address, "/v1/stream", "hk_wrong"):
                    pass
            assert refused.value.response.status_code == status
        codes = []
        for _ in range(2):
            async with socket(address, "/v1/stream") as opened:
                await opened.send('{"type": "auth", "id": 1, "key": "hk_wrong"}')
                codes.append((await until_closed(opened))[0])
        assert codes == [4401, 4429]
        with pytest.raises(InvalidStatus) as refused:
            async with socket(address, "/v1/stream", "hk_wrong"):
                pass
        assert refused.value.response.status_code == 429
        assert refused.value.response.headers["retry-after"] == "10"
        async with socket(address, "/v1/stream", admin.key) as opened:
            assert (await ask(opened, type="ping", id=1))["ok"]


async def test_a_socket_that_never_says_who_it_is_counts(with_options: WithOptions):
    edge = with_options(rates=FEW, auth_wait_s=0.05)
    edge.limit_strangers.clock = Clock()
    async with serving(edge) as (_, address):
        codes = []
        for _ in range(4):
            async with socket(address, "/v1/stream") as opened:
                codes.append((await until_closed(opened))[0])
    assert codes == [4401, 4401, 4401, 4429]


async def test_refused_commands_of_a_socket_are_audited(
    edge: Edge, address: str, make_caller: MakeCaller, store: Store
):
    viewer = await make_caller("sessions:read")
    async with socket(address, "/v1/stream", viewer.key) as opened:
        reply = await ask(opened, type="start", id=1, agent="helper", input="x")
    assert reply["problem"]["code"] == "forbidden"
    await edge.note_refusals.flush()
    (denied,) = await entries(store, viewer.tenant_id, "access.denied")
    assert (denied.subject, denied.detail["scope"]) == ("route:WS start", "runs:write")


async def test_a_server_writes_refusals_by_itself(edge: Edge, address: str, make_caller: MakeCaller, store: Store):
    viewer = await make_caller("runs:read")
    async with httpx.AsyncClient(base_url=f"http://{address}", headers=viewer.headers) as http:
        assert (await http.get("/v1/agents")).status_code == 403
    async with asyncio.timeout(30):
        while not await entries(store, viewer.tenant_id, "access.denied"):
            await asyncio.sleep(0.05)


async def test_who_comes_by_a_trusted_proxy_is_counted_for_itself(with_options: WithOptions, tmp_path: Any):
    from_proxy = "10.0.0.2"
    edge = with_options(rates=FEW, trusted_proxies=(ip_network("10.0.0.0/8"),))
    edge.limit_strangers.clock = Clock()
    async with client(edge, tmp_path, address=from_proxy) as http:

        async def statuses(forwarded: str) -> list[int]:
            headers = {**WRONG, "X-Forwarded-For": forwarded}
            return [(await http.get("/v1/me", headers=headers)).status_code for _ in range(4)]

        assert await statuses("192.0.2.1, 198.51.100.9, 10.0.0.3") == [401, 401, 401, 429]
        # What stands before the nearest address that no proxy has may be made up: it changes nothing.
        assert await statuses("192.0.2.2, 198.51.100.9") == [429] * 4
        assert await statuses("198.51.100.10") == [401, 401, 401, 429]
    async with client(edge, tmp_path, address="203.0.113.1") as http:
        assert await statuses("192.0.2.3") == [401, 401, 401, 429]
        assert await statuses("192.0.2.4") == [429] * 4


async def test_a_valid_key_is_no_failure(with_options: WithOptions, admin: Caller, tmp_path: Any):
    edge = with_options(rates=FEW)
    async with client(edge, tmp_path) as http:
        answers = [await http.get("/v1/me", headers=admin.headers) for _ in range(10)]
    assert {answer.status_code for answer in answers} == {200}
    with pytest.raises(UnauthenticatedError):
        await edge.authenticate.by_secret("hk_wrong")


async def test_blocked_sign_ins_are_told(edge: Edge, admin: Caller, store: Store):
    guest = await join(await set_up(admin), "bob@example.org", "viewer")
    codes = {(await guest.sign_in("bob@example.org", f"{PASSWORD}?")).status_code for _ in range(12)}
    assert codes == {401, 429}
    await edge.note_refusals.flush()
    (blocked,) = await entries(store, admin.tenant_id, "login.blocked")
    assert (blocked.subject, blocked.detail["count"]) == ("address:127.0.0.1", 2)
