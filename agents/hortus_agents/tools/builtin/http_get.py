"""Fetch a text page from an allowed host, without reaching into the server's own network."""

import codecs
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

from hortus_agents.errors import ToolDeniedError, ToolFailedError, ToolRetryError
from hortus_agents.labels import Label
from hortus_agents.messages import ToolSpec
from hortus_agents.tools.grants import host_allowed
from hortus_agents.tools.port import SideEffect, ToolContext, ToolDefinition, ToolOutput
from hortus_agents.tools.public_address import GuardedResolver, PrivateAddressError, check_literal, named_private
from hortus_agents.tools.secrets import SecretSource

_SPEC = ToolSpec(
    name="http_get",
    description="Fetch a web page as text.",
    parameters={
        "type": "object",
        "properties": {"url": {"type": "string", "minLength": 8, "maxLength": 2000}},
        "required": ["url"],
        "additionalProperties": False,
    },
)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ERROR_STATUS = 400
# Charsets of the web; Python knows others, some of which take minutes for a page.
_CHARSETS = ("utf-8", "utf-16", "utf-32", "ascii", "iso", "cp", "koi8", "mac", "gb", "big5", "euc", "shift_jis", "hz")
_TEXT_TYPES = ("text/", "application/json", "application/xml", "application/xhtml", "application/javascript")


@dataclass(frozen=True, slots=True)
class HttpGetSettings:
    """Bounds of a fetch. `private_allow` names `host:port` pairs, and networks, that may be private."""

    timeout_s: float = 15.0
    max_bytes: int = 256 * 1024
    max_redirects: int = 3
    private_allow: frozenset[str] = frozenset()


class HttpGetTool:
    """`http_get(url)`: allowed hosts, public addresses, text, bounded; redirects stay on their host."""

    def __init__(self, settings: HttpGetSettings, secrets: SecretSource | None = None) -> None:
        self._settings = settings
        self._secrets = secrets

    @property
    def definition(self) -> ToolDefinition:
        """See Tool."""
        return ToolDefinition(
            _SPEC,
            SideEffect.EXTERNAL,
            timeout_s=self._settings.timeout_s,
            output=Label(origin="web", trust=0),
            own_words=True,
        )

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        """See Tool."""
        url = _parsed(str(arguments["url"]))
        connector = aiohttp.TCPConnector(resolver=GuardedResolver(self._settings.private_allow), use_dns_cache=False)
        try:
            async with aiohttp.ClientSession(connector=connector, trust_env=False) as session:
                for _ in range(self._settings.max_redirects + 1):
                    answer = await self._fetch(session, url, context)
                    if isinstance(answer, ToolOutput):
                        return answer
                    url = answer
        except (aiohttp.ClientError, OSError) as error:
            cause = error.__cause__ if isinstance(error.__cause__, PrivateAddressError) else error
            raise ToolFailedError(f"cannot fetch {url}: {cause}") from error
        raise ToolFailedError(f"more than {self._settings.max_redirects} redirects")

    async def _fetch(self, session: aiohttp.ClientSession, url: URL, context: ToolContext) -> ToolOutput | URL:
        """The page, or the address that it redirects to."""
        # The policy saw the first address only; a redirect must pass the same gate.
        if not host_allowed(url, context.spec.http_allow):
            raise ToolFailedError(f"redirected to {url}, which this agent may not reach")
        check_literal(url, self._settings.private_allow)
        headers = await self._headers(url, context)
        async with session.get(url, headers=headers, allow_redirects=False) as response:
            if response.status in _REDIRECTS and "Location" in response.headers:
                return self._redirect(url, url.join(_parsed(response.headers["Location"])))
            text = await self._read(response)
            if headers and self._secrets is not None:
                # Here too, before anything is cut: half a secret is none that a redaction would find.
                text = await self._secrets.redact(text)
            if response.status >= _ERROR_STATUS:
                raise ToolRetryError(f"HTTP {response.status}: {text[:500]}")
            return ToolOutput(text, label=Label(origin="web", trust=0, source=str(url)))

    async def _headers(self, url: URL, context: ToolContext) -> dict[str, str]:
        """What the agent's definition sends to this very host; a secret goes there and nowhere else.

        Raises ToolDeniedError without a call where a secret may not go there, ToolFailedError where it cannot be had or
        would travel in the clear.
        """
        entries = [entry for entry in context.spec.http_headers if host_allowed(url, (entry.host,))]
        if not entries:
            return {}
        for entry in entries:
            if context.secrets is not None and entry.secret not in context.secrets:
                raise ToolDeniedError(
                    f"calls to {entry.host} carry the secret {entry.secret}, which the tool that makes this call "
                    "does not declare; the call was not made"
                )
        if self._secrets is None:
            raise ToolFailedError("this server has no secrets, and this agent's calls to that host need one")
        private = named_private(url.raw_host or "", url.port or 80, self._settings.private_allow)
        if url.scheme != "https" and not private:
            raise ToolFailedError("secrets go to https addresses only")
        return {entry.header: entry.filled(await self._secrets.reveal(entry.secret, url=url)) for entry in entries}

    @staticmethod
    def _redirect(source: URL, target: URL) -> URL:
        if source.raw_host != target.raw_host:
            raise ToolFailedError(f"redirected to another host: {target}")
        return target

    async def _read(self, response: aiohttp.ClientResponse) -> str:
        if not response.content_type.startswith(_TEXT_TYPES):
            raise ToolFailedError(f"{response.content_type} is not text")
        body = bytearray()
        async for chunk in response.content.iter_chunked(16 * 1024):
            body += chunk
            if len(body) > self._settings.max_bytes:
                raise ToolFailedError(f"the page is larger than {self._settings.max_bytes} bytes")
        return body.decode(_codec(response.charset or "utf-8"), "replace")


def _parsed(text: str) -> URL:
    """The very value that the request uses: what is checked must not be read in two ways."""
    try:
        url = URL(text)
    except ValueError as error:
        raise ToolRetryError(f"this is no web address: {error}") from error
    if url.user is not None or url.password is not None:
        raise ToolRetryError("an address must not hold a user or password")
    return url


def _codec(charset: str) -> str:
    try:
        name = codecs.lookup(charset).name
    except LookupError:
        return "utf-8"
    return name if name.startswith(_CHARSETS) else "utf-8"
