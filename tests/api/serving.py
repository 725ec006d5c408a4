"""How the application is served in these tests."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from argon2 import PasswordHasher
from backends import Caller

from hortus_server.adapters.passwords import Argon2Passwords
from hortus_server.api.edge import Edge, EdgeOptions
from hortus_server.api.server import ApiServer, make_server
from hortus_server.settings import ApiSettings

OPTIONS = EdgeOptions(
    version="0.0-test",
    body_limit_bytes=65_536,
    socket_frame_limit_bytes=8_192,
    heartbeat_s=0.5,
    connections=20,
    cookie_secret=b"0123456789abcdef0123456789abcdef",
    auth_wait_s=10.0,
    send_timeout_s=10.0,
    poll_s=0.2,
)


def cheap_passwords() -> Argon2Passwords:
    """The real thing at the least that it costs."""
    return Argon2Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


MakeCaller = Callable[..., Awaitable[Caller]]


async def lookup(host: str, _port: int, _family: int) -> list[tuple[int, str]]:
    """Hosts `inside.*` have a private address, `*.invalid` none, all others a public one."""
    if host.endswith(".invalid"):
        raise OSError("no such name")
    return [(2, "10.0.0.7" if host.startswith("inside.") else "93.184.215.14")]


@asynccontextmanager
async def serving(edge: Edge, *, connections: int = 100) -> AsyncIterator[tuple[ApiServer, str]]:
    """A real server on loopback; yields it and its `host:port`."""
    settings = ApiSettings(
        port=0, shutdown_s=2, connections=connections, socket_frame_limit_bytes=edge.options.socket_frame_limit_bytes
    )
    server = make_server(edge, settings)
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:
            await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield server, f"127.0.0.1:{port}"
    finally:
        server.should_exit = True
        async with asyncio.timeout(10):
            await task
