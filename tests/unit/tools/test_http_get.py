from collections.abc import AsyncIterator
from typing import Any

import pytest
from agent_world import SPEC, named
from aiohttp import web

from hortus_agents.errors import ToolFailedError, ToolRetryError
from hortus_agents.labels import NOTHING_READ
from hortus_agents.messages import ToolCall
from hortus_agents.tools.builtin.http_get import HttpGetSettings, HttpGetTool
from hortus_agents.tools.grants import host_allowed, host_of
from hortus_agents.tools.port import ToolContext
from hortus_agents.tools.proxy import Admitted, Observation, ToolProxy
from hortus_agents.tools.public_address import check_address


@pytest.fixture
async def site() -> AsyncIterator[str]:
    """A page, a big page, a picture, redirects; on a free port of 127.0.0.1."""

    async def page(_request: web.Request) -> web.Response:
        return web.Response(text="hello")

    async def big(_request: web.Request) -> web.Response:
        return web.Response(text="x" * 5_000)

    async def picture(_request: web.Request) -> web.Response:
        return web.Response(body=b"\x89PNG", content_type="image/png")

    async def missing(_request: web.Request) -> web.Response:
        return web.Response(status=404, text="no such page")

    async def odd(request: web.Request) -> web.Response:
        body = "grün".encode("iso-8859-1") if request.query["charset"] == "ISO-8859-1" else b"a" * 100
        return web.Response(body=body, headers={"content-type": f"text/plain; charset={request.query['charset']}"})

    async def here(_request: web.Request) -> web.Response:
        raise web.HTTPFound("/page")

    async def around(_request: web.Request) -> web.Response:
        raise web.HTTPFound("/around")

    async def away(_request: web.Request) -> web.Response:
        raise web.HTTPFound("http://169.254.169.254/latest/meta-data")

    app = web.Application()
    for path, handler in {
        "/page": page, "/big": big, "/picture": picture, "/missing": missing, "/odd": odd, "/here": here,
        "/around": around, "/away": away,
    }.items():  # fmt: skip
        app.router.add_get(path, handler)
    runner = web.AppRunner(app)
    await runner.setup()
    server = web.TCPSite(runner, "127.0.0.1", 0)
    await server.start()
    port = runner.addresses[0][1]
    yield f"127.0.0.1:{port}"
    await runner.cleanup()


def context(*allow: str) -> ToolContext:
    async def emit(_payloads: Any) -> None:
        raise AssertionError

    spec = SPEC.model_copy(update={"http_allow": allow})
    return ToolContext(named("t"), named("s"), named("r"), named("a"), 1, "c1", spec, emit)


async def fetch(site: str, path: str, *, private: bool = True, **changes: Any) -> str:
    settings = HttpGetSettings(private_allow=frozenset({site} if private else ()), **changes)
    output = await HttpGetTool(settings).call({"url": f"http://{site}{path}"}, context(site))
    return output.content


async def test_a_page_of_an_allowed_host_is_text(site: str) -> None:
    assert await fetch(site, "/page") == "hello"


async def test_a_redirect_within_the_host_is_followed(site: str) -> None:
    assert await fetch(site, "/here") == "hello"


async def test_a_redirect_to_another_host_is_not(site: str) -> None:
    with pytest.raises(ToolFailedError, match="redirected to another host"):
        await fetch(site, "/away")


async def test_endless_redirects_end(site: str) -> None:
    with pytest.raises(ToolFailedError, match="more than 3 redirects"):
        await fetch(site, "/around")


async def test_a_private_address_is_refused_unless_the_server_allows_it(site: str) -> None:
    with pytest.raises(ToolFailedError, match="not on the public internet"):
        await fetch(site, "/page", private=False)


async def test_a_name_that_resolves_to_a_private_address_is_refused(site: str) -> None:
    port = site.split(":")[1]
    tool = HttpGetTool(HttpGetSettings())
    with pytest.raises(ToolFailedError, match="localhost is not on the public internet"):
        await tool.call({"url": f"http://localhost:{port}/page"}, context(f"localhost:{port}"))


@pytest.mark.parametrize("host", ["①②⑦.⓪.⓪.①", "\uff11\uff12\uff17.\uff10.\uff10.\uff11", "127。0。0。1"])
async def test_an_address_in_other_digits_is_the_address_that_it_leads_to(site: str, host: str) -> None:
    where = f"{host}:{site.split(':')[1]}"
    assert not host_allowed(f"http://{where}/page", (where,))
    for allowed in (where, site):
        with pytest.raises(ToolFailedError):
            await HttpGetTool(HttpGetSettings()).call({"url": f"http://{where}/page"}, context(allowed))


@pytest.mark.parametrize(
    ("charset", "text"),
    [("ISO-8859-1", "grün"), ("punycode", "a" * 100), ("idna", "a" * 100), ("utf-7", "a" * 100), ("x", "a" * 100)],
)
async def test_a_page_chooses_among_the_charsets_of_the_web(site: str, charset: str, text: str) -> None:
    assert await fetch(site, f"/odd?charset={charset}") == text


async def test_an_address_holds_no_credentials(site: str) -> None:
    with pytest.raises(ToolRetryError, match="user or password"):
        await HttpGetTool(HttpGetSettings()).call({"url": f"http://ann:secret@{site}/page"}, context(site))


async def test_what_is_no_address_is_told_so(site: str) -> None:
    with pytest.raises(ToolRetryError, match="no web address"):
        await HttpGetTool(HttpGetSettings()).call({"url": "http://[1/"}, context(site))


def test_a_name_with_other_than_latin_letters_is_allowed_in_either_form() -> None:
    for written in ("http://bücher.example/", "http://xn--bcher-kva.example/"):
        assert host_allowed(written, ("bücher.example",))
        assert host_allowed(written, ("xn--bcher-kva.example",))


async def test_a_large_page_is_refused(site: str) -> None:
    with pytest.raises(ToolFailedError, match="larger than 1000 bytes"):
        await fetch(site, "/big", max_bytes=1_000)


async def test_what_is_not_text_is_refused(site: str) -> None:
    with pytest.raises(ToolFailedError, match="image/png is not text"):
        await fetch(site, "/picture")


async def test_an_error_status_is_something_the_model_may_mend(site: str) -> None:
    with pytest.raises(ToolRetryError, match="HTTP 404: no such page"):
        await fetch(site, "/missing")


@pytest.mark.parametrize(
    "url",
    ["http://evil.org/", "http://a.org.evil.org/", "http://a.org@evil.org/", "ftp://a.org/", "http://a.org:8080/"],
)
def test_the_proxy_denies_hosts_that_the_agent_may_not_reach(url: str) -> None:
    proxy = ToolProxy([HttpGetTool(HttpGetSettings())])
    refused = proxy.admit(ToolCall(id="c", name="http_get", arguments={"url": url}), context("a.org").spec)
    assert isinstance(refused, Observation)
    assert refused.outcome == "denied"


@pytest.mark.parametrize("url", ["http://a.org/x", "https://A.org", "https://a.org:443/", "http://b.org:81/"])
def test_the_proxy_admits_hosts_that_it_may(url: str) -> None:
    assert host_allowed(url, ("a.org", "b.org:81"))
    proxy = ToolProxy([HttpGetTool(HttpGetSettings())])
    call = ToolCall(id="c", name="http_get", arguments={"url": url})
    assert isinstance(proxy.admit(call, context("a.org", "b.org:81").spec, labels=NOTHING_READ), Admitted)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "::1", "fe80::1%eth0", "fd00::1", "0.0.0.0",
        "::ffff:127.0.0.1", "224.0.0.1", "100.64.0.1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    with pytest.raises(OSError, match="not on the public internet"):
        check_address(address, "name", 80, frozenset({"name:81"}))
    check_address(address, "name", 81, frozenset({"name:81"}))


def test_public_addresses_pass() -> None:
    check_address("93.184.215.14", "example.org", 80, frozenset())


def test_a_tool_of_an_agents_own_declares_the_host_that_is_reached() -> None:
    assert host_of("http://\u24d4xample.org/") == "example.org"
    assert host_of("http://a@Example.org:81/x") == "example.org"
    assert host_of("http://[") is None
