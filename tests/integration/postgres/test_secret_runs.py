"""Runs of an agent whose definition names secrets, against a server that says back all that it hears."""

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from agent_world import DictStore
from aiohttp import web
from execution_world import Office, answer, said, use
from fixtures_postgres import whole_database

from hortus_agents.evolution.ports import StoredCandidate
from hortus_agents.evolution.toolbox import ToolPorts, build_registry
from hortus_agents.labels import Label
from hortus_agents.sandbox import Sandbox, open_sandbox
from hortus_agents.spec import AgentSpec, HttpHeader, MemorySpec
from hortus_agents.tools.builtin.http_get import HttpGetSettings
from hortus_agents.tools.capability import Capability, ToolPermissions
from hortus_agents.tools.redaction import BLOTTED
from hortus_server.adapters.sealing import KeyRing, new_key
from hortus_server.domain.audit import SYSTEM, AuditFilter
from hortus_server.services.keep_secrets import KeepSecrets, SecretDraft, SecretTerms
from hortus_server.services.reveal_secrets import RunSecrets, SecretUser

SECRET = "s3cr3t/tök€n+value=="
RING = KeyRing([new_key()])


@dataclass
class Echo:
    """What was heard, and where."""

    address: str = ""
    heard: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    """`/plain` answers with what it heard, in several spellings; `/fail` does so with a status; `/away` leads on."""
    state = Echo()

    async def plain(request: web.Request) -> web.Response:
        state.heard.append(dict(request.headers))
        said_back = request.headers.get("X-Token", "nothing")
        spellings = {
            "raw": said_back,
            "basic": b64encode(f"user:{said_back}".encode()).decode(),
            "url": quote(said_back, safe=""),
            "hex": said_back.encode().hex(),
            "padding": "x" * 490,
        }
        return web.json_response(spellings, status=500 if request.path == "/fail" else 200)

    async def away(_request: web.Request) -> web.Response:
        raise web.HTTPFound(f"http://localhost:{state.address.split(':')[1]}/plain")

    app = web.Application()
    app.router.add_get("/plain", plain)
    app.router.add_get("/fail", plain)
    app.router.add_get("/away", away)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    state.address = f"127.0.0.1:{runner.addresses[0][1]}"
    yield state
    await runner.cleanup()


@dataclass
class SecretOffice(Office):
    """Workers whose agents fetch pages, with a key ring of their own."""

    ring: KeyRing | None = RING
    private: frozenset[str] = frozenset()
    library: DictStore | None = None
    sandbox: Sandbox | None = None

    def _tools(self, claim: Any, model: Any, policy: Any) -> Any:
        async def store_artifact(content: bytes) -> str:
            async with self.world.store.transaction(claim.run.tenant_id) as uow:
                return (await uow.artifacts.put(claim.run.tenant_id, content, media_type="text/plain")).sha256

        ports = ToolPorts(
            http=HttpGetSettings(private_allow=self.private),
            policy=policy,
            store_artifact=store_artifact,
            store=self.library,
            sandbox=self.sandbox,
            secrets=RunSecrets(self.world.store, self.ring, self.revealed, SecretUser.of(claim)),
        )
        return build_registry(model, ports)


def naming(echo: Echo, *, header: bool = True) -> AgentSpec:
    binding = HttpHeader(host=echo.address, header="X-Token", value="{{secret:ECHO_TOKEN}}")
    return AgentSpec(
        tools=("http_get", "calculate"),
        http_allow=(echo.address,),
        http_headers=(binding,) if header else (),
        memory=MemorySpec(recall=False, remember=False),
    )


@pytest.fixture
async def office(world, echo) -> SecretOffice:
    draft = SecretDraft("ECHO_TOKEN", SECRET, SecretTerms(hosts=(echo.address, "example.org")))
    await KeepSecrets(world.store, RING).set(world.tenant_id, draft, by=SYSTEM)
    return SecretOffice(world, (), naming(echo), private=frozenset({echo.address}))


def assert_nowhere(text: str) -> None:
    for form in (SECRET, json.dumps(SECRET)[1:-1], quote(SECRET, safe=""), SECRET.encode().hex()):
        assert form not in text
    assert b64encode(f"user:{SECRET}".encode()).decode()[12:30] not in text


@pytest.mark.parametrize("path", ["/plain", "/fail"])
async def test_the_server_hears_the_secret_and_nothing_that_is_stored_holds_it(office, echo, database_settings, path):
    run = await office.submit()
    told = await office.work(run, use("http_get", url=f"http://{echo.address}{path}"), answer())
    assert [heard["X-Token"] for heard in echo.heard] == [SECRET]
    (finished,) = said(told, "tool.finished")
    assert BLOTTED in finished.content
    assert_nowhere(whole_database(database_settings.url.get_secret_value()))
    assert_nowhere(office.revealed.in_log(f"a line with {SECRET} in it"))


async def test_a_model_that_writes_the_reference_or_the_value_itself_gets_nothing(office, echo, database_settings):
    run = await office.submit()
    told = await office.work(
        run,
        use("http_get", url=f"http://{echo.address}/plain?t={{{{secret:ECHO_TOKEN}}}}"),
        use("calculate", expression="1 + 1"),
        json.dumps({"answer": f"the token is {SECRET}"}),
    )
    assert said(told, "run.succeeded")
    assert "{{secret:ECHO_TOKEN}}" in str(said(told, "tool.called")[0].arguments)
    (completed,) = said(told, "message.completed")
    assert completed.content == f"the token is {BLOTTED}"
    assert_nowhere(whole_database(database_settings.url.get_secret_value()))


async def test_a_redirect_to_another_host_takes_no_secret_along(office, echo):
    run = await office.submit()
    told = await office.work(run, use("http_get", url=f"http://{echo.address}/away"), answer())
    assert said(told, "tool.finished")[0].outcome == "failed"
    assert echo.heard == []


async def bind(world, *hosts: str) -> None:
    await KeepSecrets(world.store, RING).change(world.tenant_id, "ECHO_TOKEN", SecretTerms(hosts=hosts), by=SYSTEM)


async def denials(world) -> list[Any]:
    async with world.store.transaction(world.tenant_id) as uow:
        found = await uow.audit.read_after(world.tenant_id, 0, limit=100, which=AuditFilter(action="tool.denied"))
    return [(entry.subject, entry.detail["reason"]) for entry in found]


@pytest.mark.parametrize("hosts", [("elsewhere.org",), ("127.0.0.1",), ()])
async def test_a_secret_is_not_sent_to_a_host_that_it_is_not_bound_to(office, echo, world, hosts):
    await bind(world, *hosts)
    told = await office.work(await office.submit(), use("http_get", url=f"http://{echo.address}/plain"), answer())
    (finished,) = said(told, "tool.finished")
    assert (finished.outcome, echo.heard) == ("denied", [])
    assert f"the secret ECHO_TOKEN may not be sent to {echo.address}" in finished.content
    assert await denials(world) == [("tool:http_get", finished.content)]
    await bind(world, "*")
    await office.work(await office.submit(), use("http_get", url=f"http://{echo.address}/plain"), answer())
    assert [heard["X-Token"] for heard in echo.heard] == [SECRET]


async def test_a_redirect_to_another_port_of_the_host_takes_the_secret_only_where_it_is_bound_to(office, echo, world):
    runner = web.AppRunner(_leading_to(f"http://{echo.address}/plain"))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    door = f"127.0.0.1:{runner.addresses[0][1]}"
    spec = naming(echo)
    office.private = frozenset({door, echo.address})
    office.spec = spec.model_copy(
        update={"http_allow": (door, echo.address), "http_headers": (_header(door), _header(echo.address))}
    )
    try:
        await bind(world, door)
        told = await office.work(await office.submit(), use("http_get", url=f"http://{door}/"), answer())
        (finished,) = said(told, "tool.finished")
        assert (finished.outcome, echo.heard) == ("denied", [])
        assert f"may not be sent to {echo.address}" in finished.content
        await bind(world, door, echo.address)
        await office.work(await office.submit(), use("http_get", url=f"http://{door}/"), answer())
    finally:
        await runner.cleanup()
    assert [heard["X-Token"] for heard in echo.heard] == [SECRET]


async def test_an_agent_without_the_binding_sends_nothing(office, echo):
    office.spec = naming(echo, header=False)
    run = await office.submit()
    await office.work(run, use("http_get", url=f"http://{echo.address}/plain"), answer())
    assert [heard.get("X-Token") for heard in echo.heard] == [None]


@pytest.mark.parametrize(
    ("ring", "why"), [(None, "no key for secrets"), (KeyRing([new_key()]), "is not among this server's keys")]
)
async def test_without_the_key_the_call_is_not_made_and_says_why(office, echo, ring, why):
    office.ring = ring
    run = await office.submit()
    told = await office.work(run, use("http_get", url=f"http://{echo.address}/plain"), answer())
    assert said(told, "tool.finished")[0].outcome == "failed"
    assert echo.heard == []
    assert why in said(told, "tool.finished")[0].content


async def test_a_secret_that_is_missing_or_another_agents_fails_the_call(office, echo, world):
    keep = KeepSecrets(world.store, RING)
    async with world.store.transaction(world.tenant_id) as uow:
        other, _ = await uow.agents.add(world.tenant_id, name="other", description="", spec=AgentSpec())
    await keep.change(world.tenant_id, "ECHO_TOKEN", SecretTerms(agent=other.id), by=SYSTEM)
    told = await office.work(await office.submit(), use("http_get", url=f"http://{echo.address}/plain"), answer())
    assert "it belongs to another agent; the call was not made" in said(told, "tool.finished")[0].content
    await keep.delete(world.tenant_id, "ECHO_TOKEN", by=SYSTEM)
    told = await office.work(await office.submit(), use("http_get", url=f"http://{echo.address}/plain"), answer())
    assert "there is no such secret" in said(told, "tool.finished")[0].content
    assert echo.heard == []


async def test_a_network_that_the_operator_allowed_hears_the_secret_without_tls(office, echo):
    office.private = frozenset({"127.0.0.0/8"})
    await office.work(await office.submit(), use("http_get", url=f"http://{echo.address}/plain"), answer())
    assert [heard["X-Token"] for heard in echo.heard] == [SECRET]


async def test_a_secret_does_not_travel_in_the_clear(office, echo):
    office.private = frozenset()
    office.spec = naming(echo).model_copy(
        update={"http_allow": ("example.org",), "http_headers": (_header("example.org"),)}
    )
    told = await office.work(await office.submit(), use("http_get", url="http://example.org/x"), answer())
    assert "secrets go to https addresses only" in said(told, "tool.finished")[0].content


PRICE = Capability(
    tool_id=uuid4(),
    version_id=uuid4(),
    version=1,
    name="price_of",
    description="The price of an article.",
    parameters={"type": "object", "properties": {"url": {"type": "string"}}, "required": ["url"]},
    returns={"type": "string"},
    source="def price_of(url):\n    return call_tool('http_get', url=url)",
    function="price_of",
    permissions=ToolPermissions(network=("127.0.0.1",), tools=("http_get",)),
    label=Label(origin="agent", trust=1),
)


async def use_self_made(office: SecretOffice, url: str, *declared: str) -> Any:
    """What the model is told of a call of a self-made tool, whose active version declares these secrets."""
    permissions = PRICE.permissions.model_copy(update={"secrets": declared})
    made = replace(PRICE, permissions=permissions)
    office.library = DictStore({made.version_id: StoredCandidate(made, "active")})
    office.sandbox = await open_sandbox(concurrency=1)
    try:
        told = await office.work(
            await office.submit("the price of an article"), use("price_of", url=url), answer("all right")
        )
    finally:
        await office.sandbox.aclose()
    return next(each for each in said(told, "tool.finished") if each.name == "price_of")


async def test_a_self_made_tool_gets_the_secret_that_its_active_version_declares(office, echo, database_settings):
    finished = await use_self_made(office, f"http://{echo.address}/plain", "ECHO_TOKEN")
    assert finished.outcome == "ok"
    assert BLOTTED in finished.content
    assert [heard["X-Token"] for heard in echo.heard] == [SECRET]
    assert_nowhere(whole_database(database_settings.url.get_secret_value()))


async def test_a_self_made_tool_is_refused_a_secret_that_it_does_not_declare(office, echo):
    finished = await use_self_made(office, f"http://{echo.address}/plain", "OTHER_TOKEN")
    assert "carry the secret ECHO_TOKEN, which the tool that makes this call does not declare" in finished.content
    assert echo.heard == []
    assert [subject for subject, _ in await denials(office.world)] == ["tool:http_get"]


async def test_a_self_made_tool_sends_a_declared_secret_to_hosts_that_it_is_bound_to_only(office, echo, world):
    await bind(world, "elsewhere.org")
    finished = await use_self_made(office, f"http://{echo.address}/plain", "ECHO_TOKEN")
    assert f"the secret ECHO_TOKEN may not be sent to {echo.address}" in finished.content
    assert echo.heard == []


async def test_a_self_made_tool_that_names_a_secret_that_it_does_not_declare_is_refused(office, echo):
    url = f"http://{echo.address}/plain?{{{{secret:OTHER_TOKEN}}}}"
    finished = await use_self_made(office, url, "ECHO_TOKEN")
    assert "this tool does not declare the secret OTHER_TOKEN" in finished.content
    assert echo.heard == []


async def test_a_call_whose_arguments_hold_a_value_is_not_made_and_the_audit_log_has_it(office, echo, world):
    url = f"http://{echo.address}/plain?t={quote(SECRET, safe='')}"
    office.revealed.note(world.tenant_id, [SECRET])
    told = await office.work(await office.submit(), use("http_get", url=url), answer())
    (finished,) = said(told, "tool.finished")
    assert (finished.outcome, echo.heard) == ("denied", [])
    assert "the value of a secret stands in the arguments" in finished.content
    assert [subject for subject, _ in await denials(world)] == ["tool:http_get"]


def _leading_to(url: str) -> web.Application:
    async def door(_request: web.Request) -> web.Response:
        raise web.HTTPFound(url)

    app = web.Application()
    app.router.add_get("/", door)
    return app


def _header(host: str) -> HttpHeader:
    return HttpHeader(host=host, header="X-Token", value="{{secret:ECHO_TOKEN}}")
