"""The real application over real PostgreSQL and Valkey."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
import structlog
from backends import Caller, ListQueue, OneModel, OneWorker, SwitchedProbe, WordIndex, Writer
from fastapi import FastAPI
from serving import OPTIONS, MakeCaller, cheap_passwords, lookup, serving

from hortus_server.adapters.redis.client import connect_redis
from hortus_server.adapters.redis.endpoint_reports import RedisEndpointReports
from hortus_server.adapters.redis.live import RedisLive, open_live
from hortus_server.adapters.redis.streams import RedisStreams, open_streams
from hortus_server.adapters.webhook_sender import HttpWebhookSender, SenderBounds, open_webhook_sender
from hortus_server.api.app import create_app
from hortus_server.api.edge import Edge, EdgePorts, make_edge
from hortus_server.api.people import PeoplePorts
from hortus_server.domain.ids import SessionId, TenantId
from hortus_server.domain.keys import Scope
from hortus_server.ports.store import Store
from hortus_server.services.issue_key import KeyDraft, add_key


@pytest.fixture(autouse=True)
def _plain_logs() -> Iterator[None]:
    """The default renderer shows every local variable of a traceback, which takes seconds."""
    renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, renderer]
    )
    yield
    structlog.reset_defaults()


@pytest.fixture
async def live(valkey_url: str) -> AsyncIterator[RedisLive]:
    redis = connect_redis(valkey_url, timeout_s=2.0)
    async with open_live(redis, timeout_s=2.0) as opened:
        yield opened
    await redis.aclose()


@pytest.fixture
async def streams(valkey_url: str) -> AsyncIterator[RedisStreams]:
    redis = connect_redis(valkey_url, timeout_s=2.0)
    async with open_streams(redis, timeout_s=2.0, buffer=1024) as opened:
        yield opened
    await redis.aclose()


@pytest.fixture
async def sender() -> AsyncIterator[HttpWebhookSender]:
    """Checks addresses; the API sends nothing."""
    async with open_webhook_sender(SenderBounds(), lookup=lookup) as opened:
        yield opened


@pytest.fixture
async def reports(valkey_url: str) -> AsyncIterator[RedisEndpointReports]:
    redis = connect_redis(valkey_url, timeout_s=2.0)
    yield RedisEndpointReports(redis, 2.0)
    await redis.delete("hortus:model-endpoints")
    await redis.aclose()


@pytest.fixture
def ports(
    store: Store, live: RedisLive, streams: RedisStreams, sender: HttpWebhookSender, reports: RedisEndpointReports
) -> EdgePorts:
    return EdgePorts(
        store=store,
        queue=ListQueue(),
        live=live,
        streams=streams,
        index=WordIndex(),
        workers=OneWorker(),
        models=OneModel(),
        probes=(SwitchedProbe(),),
        webhooks=sender,
        endpoint_reports=reports,
        people=PeoplePorts(cheap_passwords()),
    )


@pytest.fixture
def edge(ports: EdgePorts) -> Edge:
    return make_edge(OPTIONS, ports)


@pytest.fixture(scope="session")
def described() -> list[dict[str, Any]]:
    """The OpenAPI document, once some application was asked for it: a second of work, and the same for each."""
    return []


@pytest.fixture
def app(edge: Edge, tmp_path: Any, described: list[dict[str, Any]]) -> FastAPI:
    made = create_app(edge, static=tmp_path / "static")
    describe = made.openapi

    def openapi() -> dict[str, Any]:
        if not described:
            described.append(describe())
        return described[0]

    made.openapi = openapi  # type: ignore[method-assign]
    return made


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://hortus.test") as client:
        yield client


@pytest.fixture
def make_caller(store: Store, http: httpx.AsyncClient) -> MakeCaller:
    async def make(*scopes: Scope, tenant: str = "acme") -> Caller:
        async with store.system_transaction() as uow:
            owner = await uow.tenants.ensure_tenant(tenant)
            issued = await add_key(uow, owner.id, KeyDraft("test", scopes or ("admin",), None))
        return Caller(http, issued.secret, TenantId(owner.id))

    return make


@pytest.fixture
async def admin(make_caller: MakeCaller) -> Caller:
    """All rights in the tenant acme."""
    return await make_caller()


@pytest.fixture
async def stranger(make_caller: MakeCaller) -> Caller:
    """All rights in another tenant."""
    return await make_caller(tenant="evil")


@pytest.fixture
async def writer(admin: Caller, store: Store, live: RedisLive) -> Writer:
    """A worker's hand in a fresh session of acme."""
    await admin.agent()
    return Writer(store, live, admin.tenant_id, SessionId(await admin.session()))


@pytest.fixture
async def address(edge: Edge) -> AsyncIterator[str]:
    """`host:port` of a real server over the same edge."""
    async with serving(edge) as (_, where):
        yield where


@pytest.fixture
def with_options(ports: EdgePorts) -> Callable[..., Edge]:
    """Another edge over the same ports with other bounds."""

    def make(**changes: Any) -> Edge:
        return make_edge(replace(OPTIONS, **changes), ports)

    return make
