"""The sender against real sockets of 127.0.0.1: what it refuses, bounds and tells."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from hortus_server.adapters.webhook_sender import HttpWebhookSender, SenderBounds, open_webhook_sender
from hortus_server.domain.errors import InvalidInputError
from hortus_server.ports.webhook_sender import WebhookAnswer

PUBLIC = "93.184.215.14"


@dataclass
class Site:
    """An endpoint on a free port; `seen` are the paths that were asked for."""

    port: int = 0
    seen: list[str] = field(default_factory=list)

    def url(self, path: str = "/ok", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request.path)
        match request.path:
            case "/away":
                raise web.HTTPFound("/ok")
            case "/slow":
                await asyncio.sleep(5)
            case "/busy":
                return web.Response(status=503, text="later", headers={"Retry-After": "77"})
            case "/big":
                response = web.StreamResponse()
                await response.prepare(request)
                with_nul = b"\x00" + b"x" * 65_535
                for _ in range(64):
                    await response.write(with_nul)
                return response
        return web.Response(text="thanks")


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    app = web.Application()
    app.router.add_post("/{path}", site.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    site.port = runner.addresses[0][1]
    yield site
    await runner.cleanup()


@asynccontextmanager
async def sender(*allow: str, names: dict[str, list[str]] | None = None, **bounds: Any) -> AsyncIterator[Any]:
    """A sender for which `names` resolve to one address after another."""
    answers = {host: iter(addresses) for host, addresses in (names or {}).items()}

    async def lookup(host: str, _port: int, _family: int) -> list[tuple[int, str]]:
        if host not in answers:
            raise OSError("no such name")
        return [(2, next(answers[host]))]

    async with open_webhook_sender(
        SenderBounds(private_allow=frozenset(allow), timeout_s=2.0, **bounds), lookup=lookup
    ) as opened:
        yield opened


async def post(opened: HttpWebhookSender, url: str) -> WebhookAnswer:
    return await opened.send(url, b"{}", {"content-type": "application/json"})


async def test_a_message_arrives_and_the_answer_is_told(site: Site):
    async with sender(f"127.0.0.1:{site.port}") as opened:
        answer = await post(opened, site.url())
    assert answer == WebhookAnswer(200, None, "thanks", None)
    assert answer.arrived


async def test_a_network_may_be_allowed_as_a_whole(site: Site):
    async with sender("127.0.0.0/8") as opened:
        assert (await post(opened, site.url())).arrived
    async with sender("10.0.0.0/8", "127.0.0.1:1") as opened:
        assert "not on the public internet" in (await post(opened, site.url())).error


async def test_redirects_are_not_followed(site: Site):
    async with sender("127.0.0.0/8") as opened:
        answer = await post(opened, site.url("/away"))
    assert (answer.status, answer.arrived) == (302, False)
    assert "redirects are not followed" in answer.error
    assert site.seen == ["/away"]


async def test_a_private_address_is_refused_before_anything_is_sent(site: Site):
    async with sender() as opened:
        answer = await post(opened, site.url())
    assert answer.status is None
    assert "not on the public internet" in answer.error
    assert site.seen == []


async def test_a_name_that_was_public_when_it_was_checked_is_refused_when_it_has_moved(site: Site):
    async with sender(names={"hooks.test": [PUBLIC, "127.0.0.1"]}) as opened:
        await opened.check(site.url(host="hooks.test"))
        answer = await post(opened, site.url(host="hooks.test"))
    assert answer.status is None
    assert answer.error == "hooks.test is not on the public internet"
    assert site.seen == []


async def test_the_connection_goes_to_the_address_that_was_checked(site: Site):
    # Were the name asked twice, the second answer would lead to a port where nobody listens.
    async with sender(f"hooks.test:{site.port}", names={"hooks.test": ["127.0.0.1", "127.9.9.9"]}) as opened:
        assert (await post(opened, site.url(host="hooks.test"))).arrived


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "127.1", "localhost"])
async def test_other_spellings_of_loopback_are_refused_by_the_systems_resolver(site: Site, host: str):
    async with open_webhook_sender(SenderBounds(timeout_s=2.0)) as opened:
        answer = await post(opened, site.url(host=host))
        with pytest.raises(InvalidInputError):
            await opened.check(site.url(host=host))
    assert not answer.arrived
    assert site.seen == []


async def test_an_endpoint_that_does_not_answer_is_left_after_the_time_limit(site: Site):
    async with sender("127.0.0.0/8") as opened:
        answer = await post(opened, site.url("/slow"))
    assert answer == WebhookAnswer(None, "no answer within 2 s")


async def test_a_closed_port_is_an_error_with_words(unused_tcp_port: int):
    async with sender("127.0.0.0/8") as opened:
        answer = await post(opened, f"http://127.0.0.1:{unused_tcp_port}/")
    assert answer.status is None
    assert answer.error


async def test_an_answer_is_read_only_so_far(site: Site):
    async with sender("127.0.0.0/8") as opened:
        answer = await post(opened, site.url("/big"))
    assert answer.arrived
    assert len(answer.excerpt) == 1024
    assert "\x00" not in answer.excerpt


async def test_a_wish_to_wait_is_told(site: Site):
    async with sender("127.0.0.0/8") as opened:
        answer = await post(opened, site.url("/busy"))
    assert answer == WebhookAnswer(503, "HTTP 503", "later", timedelta(seconds=77))


async def test_https_only_refuses_plain_http(site: Site):
    async with sender("127.0.0.0/8", https_only=True) as opened:
        assert "https only" in (await post(opened, site.url())).error
        with pytest.raises(InvalidInputError, match="https only"):
            await opened.check(site.url())
