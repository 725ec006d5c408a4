"""Limits of keys and tenants: refused with a time to come back, changed by administrators, shared by all processes."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
from backends import Caller, is_problem
from clients import ask, socket, until_closed
from fixtures_valkey import ValkeyServer
from serving import OPTIONS, MakeCaller, serving

from hortus_server.adapters.redis.buckets import RedisBuckets
from hortus_server.adapters.redis.client import connect_redis
from hortus_server.api.app import create_app
from hortus_server.api.edge import Edge, EdgePorts, make_edge
from hortus_server.domain.ids import TenantId
from hortus_server.domain.rates import Draw, Grant, RateDefaults, RateLimitedError, Requester
from hortus_server.ports.store import Store
from hortus_server.services.limit_requests import LimitRequests

WithOptions = Callable[..., Edge]


@pytest.fixture
async def buckets(valkey_url: str) -> AsyncIterator[RedisBuckets]:
    redis = connect_redis(valkey_url, timeout_s=2.0)
    yield RedisBuckets(redis, timeout_s=2.0)
    await redis.aclose()


def client(edge: Edge, tmp_path: Any) -> httpx.AsyncClient:
    """One of several API processes over the same store."""
    transport = httpx.ASGITransport(create_app(edge, static=tmp_path / "none"))
    return httpx.AsyncClient(transport=transport, base_url="http://hortus.test")


async def test_answers_tell_what_is_left(admin: Caller):
    answer = await admin.get("/v1/me")
    assert answer.headers["ratelimit-policy"] == '"key";q=2000;w=2, "tenant";q=8000;w=2'
    key, tenant = re.findall(r'"(?:key|tenant)";r=(\d+);t=\d+', answer.headers["ratelimit"])
    assert 1990 < int(key) <= 2000
    assert 7990 < int(tenant) <= 8000
    assert "ratelimit" not in (await admin.http.get("/healthz")).headers


async def test_a_key_over_its_rate_is_told_when_to_come_back_and_others_go_on(
    admin: Caller, make_caller: MakeCaller, stranger: Caller, edge: Edge
):
    edge.limit_requests.clock = Clock(time.monotonic())
    other = await make_caller("agents:read")
    (key_id,) = [one["id"] for one in (await admin.get("/v1/admin/keys")).json()["items"] if "admin" in one["scopes"]]
    changed = await admin.call("PUT", f"/v1/admin/keys/{key_id}/limits", json={"requests_per_minute": 30, "burst": 3})
    assert changed.json()["keys"] == [
        {
            "key_id": key_id,
            "own": {"requests_per_minute": 30, "burst": 3, "connections": None},
            "in_force": {"per_minute": 30, "burst": 3, "connections": 1000},
        }
    ]
    answers = [await admin.get("/v1/agents") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    refused = is_problem(answers[-1], 429, "rate_limited")
    assert (refused["holder"], refused["limit"]) == ("key", 30)
    assert 0 < refused["retry_after_s"] <= 2
    assert answers[-1].headers["retry-after"] in {"1", "2"}
    assert answers[-1].headers["ratelimit"].startswith('"key";r=0;t=')
    assert (await other.get("/v1/agents")).status_code == 200
    assert (await stranger.get("/v1/agents")).status_code == 200


async def test_a_tenant_has_one_bucket_for_all_its_keys(admin: Caller, make_caller: MakeCaller):
    other = await make_caller("agents:read")
    assert (await admin.call("PUT", "/v1/admin/limits", json={"requests_per_minute": 1, "burst": 4})).is_success
    used = [await one.get("/v1/agents") for one in (admin, other, admin, other)]
    assert [answer.status_code for answer in used] == [200] * 4
    assert is_problem(await other.get("/v1/agents"), 429, "rate_limited")["holder"] == "tenant"


async def test_processes_share_the_buckets(
    ports: EdgePorts, buckets: RedisBuckets, make_caller: MakeCaller, tmp_path: Any
):
    caller = await make_caller("agents:read")
    rates = RateDefaults(key_per_minute=60, key_burst=40)
    edges = [make_edge(replace(OPTIONS, rates=rates), replace(ports, buckets=buckets)) for _ in range(2)]
    began = time.monotonic()
    async with client(edges[0], tmp_path) as one, client(edges[1], tmp_path) as two:
        answers = await asyncio.gather(
            *(process.get("/v1/agents", headers=caller.headers) for process in (one, two) for _ in range(40))
        )
    passed = sum(answer.status_code == 200 for answer in answers)
    # 40 at once, and one more each second; a lot may be cut by its end.
    assert 36 <= passed <= 41 + time.monotonic() - began


async def test_without_the_shared_buckets_each_process_keeps_the_rate_by_itself(
    store: Store, own_valkey: ValkeyServer, admin: Caller
):
    redis = connect_redis(own_valkey.url, timeout_s=2.0)
    clock = Clock()
    limiter = LimitRequests(store, RedisBuckets(redis), RateDefaults(key_per_minute=60, key_burst=5), clock)
    who = Requester(admin.tenant_id, "a user")
    assert await passed(limiter, who, 3) == 3
    own_valkey.stop()
    clock.now += 2  # what was left of a lot is given up
    assert await passed(limiter, who, 50) == 5  # a bucket of its own, with the same bounds
    clock.now += 3
    assert await passed(limiter, who, 50) == 3
    own_valkey.start()
    clock.now += 2
    assert await passed(limiter, who, 50) == 5  # a server that lost its memory begins with full buckets
    await redis.aclose()


async def test_most_requests_of_a_busy_key_ask_nobody(store: Store, buckets: RedisBuckets, admin: Caller):
    counted = Counted(buckets)
    limiter = LimitRequests(store, counted, RateDefaults(), Clock())
    assert await passed(limiter, Requester(admin.tenant_id, "busy"), 1_000) == 1_000
    assert counted.draws < 60


async def test_callers_of_a_tenant_who_come_at_once_are_all_served(store: Store, buckets: RedisBuckets, admin: Caller):
    limiter = LimitRequests(store, buckets, RateDefaults())
    async with asyncio.TaskGroup() as group:
        at_once = [
            group.create_task(passed(limiter, Requester(admin.tenant_id, f"user {number}"), 10)) for number in range(40)
        ]
    assert [each.result() for each in at_once] == [10] * 40


@dataclass
class Clock:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Counted:
    """Counts round trips."""

    buckets: RedisBuckets
    draws: int = 0

    async def draw(self, tenant_id: TenantId, draws: Sequence[Draw]) -> Sequence[Grant]:
        self.draws += 1
        return await self.buckets.draw(tenant_id, draws)


async def passed(limiter: LimitRequests, who: Requester, wanted: int) -> int:
    """How many of so many requests pass."""
    account, count = await limiter.account(who), 0
    for _ in range(wanted):
        try:
            await limiter.spend(account)
        except RateLimitedError:
            continue
        count += 1
    return count


async def test_a_rate_above_the_servers_highest_is_refused(admin: Caller, stranger: Caller):
    answer = await admin.call("PUT", "/v1/admin/limits", json={"requests_per_minute": 2_000_000})
    is_problem(answer, 422, "invalid_input")
    is_problem(await admin.call("PUT", "/v1/admin/limits", json={"burst": 0}), 422, "invalid_request")
    (key_id,) = [one["id"] for one in (await admin.get("/v1/admin/keys")).json()["items"]]
    theirs = await stranger.call("PUT", f"/v1/admin/keys/{key_id}/limits", json={"burst": 1})
    is_problem(theirs, 404, "not_found")
    assert (await stranger.get("/v1/admin/limits")).json()["keys"] == []


async def test_a_tenant_is_bounded_by_who_runs_the_installation(admin: Caller, stranger: Caller):
    is_problem(await stranger.call("PUT", "/v1/admin/limits", json={"burst": 9_000}), 403, "forbidden")
    theirs = f"/v1/admin/tenants/{admin.tenant_id}/limits"
    is_problem(await stranger.call("PUT", theirs, json={"burst": 1}), 403, "forbidden")
    changed = await admin.call("PUT", f"/v1/admin/tenants/{stranger.tenant_id}/limits", json={"burst": 2})
    assert changed.json()["may_change_tenant"] is True
    shown = (await stranger.get("/v1/admin/limits")).json()
    assert (shown["tenant"]["in_force"]["burst"], shown["may_change_tenant"]) == (2, False)
    nobody = await admin.call("PUT", "/v1/admin/tenants/0191d6a0-0000-7000-8000-000000000000/limits", json={})
    is_problem(nobody, 409, "conflict")


async def test_changes_stand_in_the_audit_log(admin: Caller, store: Store):
    await admin.call("PUT", "/v1/admin/limits", json={"burst": 70})
    async with store.transaction(admin.tenant_id) as uow:
        assert (await uow.limits.of_tenant(admin.tenant_id)).tenant.burst == 70
        (entry,) = await uow.audit.read_after(admin.tenant_id, 0, limit=10)
    assert (entry.action, entry.subject) == ("limits.changed", f"tenant:{admin.tenant_id}")
    assert entry.detail == {"requests_per_minute": None, "burst": 70, "connections": None}
    page = (await admin.get("/v1/admin/limits")).json()
    assert page["tenant"]["in_force"] == {"per_minute": 240_000, "burst": 70, "connections": 1500}


async def test_open_requests_of_a_key_are_bounded_and_end(with_options: WithOptions, admin: Caller):
    edge = with_options(rates=RateDefaults(key_connections=2))
    async with (
        serving(edge) as (_, address),
        httpx.AsyncClient(base_url=f"http://{address}", headers=admin.headers) as http,
        socket(address, "/v1/stream", admin.key) as first,
        socket(address, "/v1/stream", admin.key),
    ):
        refused = is_problem(await http.get("/v1/me"), 429, "limit_exceeded")
        assert "streams of this key" in refused["detail"]
        assert refused["limit"] == 2
        async with socket(address, "/v1/stream") as third:  # it says who it is in its first frame
            await third.send(json.dumps({"type": "auth", "id": 1, "key": admin.key}))
            code, _ = await until_closed(third)
            assert code == 4429
        await first.close()
        async with asyncio.timeout(30):
            while (await http.get("/v1/me")).status_code == 429:
                await asyncio.sleep(0.02)


async def test_frames_count_as_requests(with_options: WithOptions, admin: Caller):
    edge = with_options(rates=RateDefaults(key_per_minute=3, key_burst=3))
    async with serving(edge) as (_, address), socket(address, "/v1/stream", admin.key) as opened:
        replies = [await ask(opened, type="ping", id=number) for number in range(3)]
    assert [reply["ok"] for reply in replies] == [True, True, False]
    assert replies[-1]["problem"]["code"] == "rate_limited"
