"""Webhooks over HTTP, to public addresses only."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from typing import Final

import aiohttp
from yarl import URL

from hortus_agents.tools.public_address import (
    GuardedResolver,
    Lookup,
    PrivateAddressError,
    check_literal,
    is_literal,
    look_up,
)
from hortus_server.domain.errors import InvalidInputError
from hortus_server.ports.webhook_sender import WebhookAnswer

LONGEST_URL: Final = 2000
LONGEST_EXCERPT: Final = 1024  # bytes
LONGEST_ERROR: Final = 500  # characters
_USER_PORTS: Final = 1024
_WELL_KNOWN: Final = frozenset({80, 443})
_SCHEMES: Final = frozenset({"http", "https"})
_SUCCESS, _REDIRECTION, _FAILURE = 200, 300, 400


@dataclass(frozen=True, slots=True)
class SenderBounds:
    """`private_allow` holds `host:port` pairs, and networks, that may be private."""

    private_allow: frozenset[str] = frozenset()
    https_only: bool = False
    connect_timeout_s: float = 3.0
    timeout_s: float = 10.0
    connections: int = 64


class HttpWebhookSender:
    """See `WebhookSender`. Made by `open_webhook_sender`."""

    def __init__(self, session: aiohttp.ClientSession, resolver: GuardedResolver, bounds: SenderBounds) -> None:
        self._session = session
        self._resolver = resolver
        self._bounds = bounds

    async def check(self, url: str) -> None:
        """See the port."""
        parsed, host, port = self._parse(url)
        if is_literal(host):
            return
        try:
            async with asyncio.timeout(self._bounds.connect_timeout_s):
                await self._resolver.resolve(host, port)
        except PrivateAddressError as error:
            raise InvalidInputError(f"the webhook's address is refused: {error}") from error
        except (OSError, UnicodeError) as error:
            raise InvalidInputError(f"the host {parsed.host} cannot be resolved") from error

    async def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> WebhookAnswer:
        """See the port."""
        try:
            parsed, _, _ = self._parse(url)
            async with self._session.post(parsed, data=body, headers=headers, allow_redirects=False) as response:
                excerpt = await _excerpt(response)
                return WebhookAnswer(response.status, _complaint(response.status), excerpt, _wish(response))
        except InvalidInputError as error:
            return WebhookAnswer(None, str(error))
        except TimeoutError:
            return WebhookAnswer(None, f"no answer within {self._bounds.timeout_s:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            cause = error.__cause__ if isinstance(error.__cause__, PrivateAddressError) else error
            return WebhookAnswer(None, (str(cause) or type(cause).__name__)[:LONGEST_ERROR])

    def _parse(self, url: str) -> tuple[URL, str, int]:
        """The very value that a request uses, its host and port. Raises InvalidInputError."""
        try:
            parsed = URL(url)
        except ValueError as error:
            raise InvalidInputError("the webhook's URL is malformed") from error
        host, port = parsed.raw_host, parsed.port
        if len(url) > LONGEST_URL or not host or port is None or parsed.scheme not in _SCHEMES:
            raise InvalidInputError("a webhook needs an absolute http or https URL")
        if self._bounds.https_only and parsed.scheme != "https":
            raise InvalidInputError("this server sends webhooks over https only")
        if parsed.user is not None or parsed.password is not None:
            raise InvalidInputError("a webhook's URL must not hold a user or password; verify the signature instead")
        if port not in _WELL_KNOWN and port < _USER_PORTS:
            raise InvalidInputError(f"port {port} is refused: webhooks go to 80, 443, or 1024 and above")
        try:
            check_literal(parsed, self._bounds.private_allow)
        except PrivateAddressError as error:
            raise InvalidInputError(f"the webhook's address is refused: {error}") from error
        return parsed, host, port


@asynccontextmanager
async def open_webhook_sender(bounds: SenderBounds, *, lookup: Lookup = look_up) -> AsyncIterator[HttpWebhookSender]:
    """A sender with its connections; `lookup` is the system's resolver unless given."""
    resolver = GuardedResolver(bounds.private_allow, lookup=lookup)
    connector = aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, limit=bounds.connections)
    timeout = aiohttp.ClientTimeout(total=bounds.timeout_s, sock_connect=bounds.connect_timeout_s)
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=timeout,
        trust_env=False,
        auto_decompress=False,  # a small answer must not grow
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"user-agent": f"hortus/{version('hortus')}", "accept-encoding": "identity"},
    ) as session:
        yield HttpWebhookSender(session, resolver, bounds)


async def _excerpt(response: aiohttp.ClientResponse) -> str:
    """The beginning of the body; what is beyond it is not read."""
    read = bytearray()
    while len(read) < LONGEST_EXCERPT:
        chunk = await response.content.read(LONGEST_EXCERPT - len(read))
        if not chunk:
            break
        read += chunk
    if not response.content.at_eof():
        response.close()
    return read.decode("utf-8", "replace").replace("\x00", "�")


def _complaint(status: int) -> str | None:
    if _SUCCESS <= status < _REDIRECTION:
        return None
    if _REDIRECTION <= status < _FAILURE:
        return f"HTTP {status}: redirects are not followed"
    return f"HTTP {status}"


def _wish(response: aiohttp.ClientResponse) -> timedelta | None:
    """Retry-After in seconds; its form with a date is not worth the trust in another's clock."""
    seconds = response.headers.get("Retry-After", "")
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) <= 7):  # noqa: PLR2004 - 115 days
        return None
    return timedelta(seconds=int(seconds))
