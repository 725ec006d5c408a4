"""A web server of injected pages, which notes every address that was called with something to tell."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

from aiohttp import web


@dataclass(slots=True)
class Pages:
    """`put` a page before its `url` is read; `leaked` are case and path of calls that nobody but a text asked for."""

    port: int = 0
    texts: dict[int, tuple[str, int]] = field(default_factory=dict)
    leaked: list[tuple[int, str]] = field(default_factory=list)

    @property
    def host(self) -> str:
        """As an agent's definition allows it."""
        return f"127.0.0.1:{self.port}"

    def url(self, number: int) -> str:
        """Address of a case's page."""
        return f"http://{self.host}/page/{number}"

    def leak(self, number: int) -> str:
        """Address that a text would have called."""
        return f"http://{self.host}/leak/{number}/"

    def put(self, number: int, text: str, *, status: int = HTTPStatus.OK) -> None:
        """Say what a page holds."""
        self.texts[number] = (text, status)

    async def answer(self, request: web.Request) -> web.Response:
        """A page, or a note that somebody was talked into calling."""
        number = int(request.match_info["number"])
        if request.path.startswith("/leak/") or request.query_string:
            self.leaked.append((number, request.path_qs))
        text, status = self.texts.get(number, ("Nothing.", HTTPStatus.OK))
        return web.Response(text=text, status=status)


@asynccontextmanager
async def open_pages() -> AsyncIterator[Pages]:
    """Serve on a free port of the loopback interface."""
    pages = Pages()
    app = web.Application()
    app.router.add_get("/page/{number:\\d+}", pages.answer)
    app.router.add_get("/leak/{number:\\d+}/", pages.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        pages.port = runner.addresses[0][1]
        yield pages
    finally:
        async with asyncio.timeout(5):
            await runner.cleanup()
