import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import psutil

from hortus_server.adapters.embedded.component import Probe
from hortus_server.domain.errors import UnavailableError

PROBE_TIMEOUT_S = 5.0


async def check_http(url: str, *, headers: Mapping[str, str] | None = None, timeout_s: float = PROBE_TIMEOUT_S) -> None:
    """GET a URL.

    Raises:
        UnavailableError: No 2xx answer in time.
    """
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(url, headers=headers) as response,
        ):
            if not response.ok:
                raise UnavailableError(url, f"answered {response.status}")
    except (aiohttp.ClientError, TimeoutError) as error:
        raise UnavailableError(url, str(error) or type(error).__name__) from error


async def check_generation(base_url: str, *, model: str, api_key: str, timeout_s: float) -> None:
    """Let an OpenAI-compatible server generate one token: the only proof that a model answers.

    Raises:
        UnavailableError: It did not, or not in time.
    """
    body = {
        "model": model,
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 1,
        "temperature": 0,
    }
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    url = f"{base_url}/chat/completions"
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(url, json=body, headers=headers) as response,
        ):
            answer = await response.json(content_type=None)
            if not response.ok or not answer.get("choices"):
                raise UnavailableError(url, f"answered {response.status} without a token")
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise UnavailableError(url, str(error) or type(error).__name__) from error


async def check_tcp(host: str, port: int, *, timeout_s: float = PROBE_TIMEOUT_S) -> None:
    """Open and close a connection.

    Raises:
        UnavailableError: Nothing accepted it in time.
    """
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
            await writer.wait_closed()
    except OSError as error:
        raise UnavailableError(f"{host}:{port}", str(error) or type(error).__name__) from error


def ready_file_probe(path: Path) -> Probe:
    """A component probe that finds in a file the id of a child of this process; what a dead one left does not count."""

    async def probe() -> None:
        try:
            pid = int(await asyncio.to_thread(path.read_text, "ascii"))
            ours = psutil.Process(pid).ppid() == os.getpid()
        except (OSError, ValueError, psutil.NoSuchProcess) as error:
            raise UnavailableError(path.name, "not ready yet") from error
        if not ours:
            raise UnavailableError(path.name, "not ready yet")

    return probe


async def check_url(url: str) -> None:
    """Open a connection to where a URL points, whatever its scheme.

    Raises:
        UnavailableError: Nothing listens there, or the URL names no host.
    """
    default_ports = {"http": 80, "https": 443, "postgresql": 5432, "postgres": 5432, "redis": 6379}
    parts = urlsplit(url)
    if parts.hostname is None:
        raise UnavailableError(url, "names no host")
    await check_tcp(parts.hostname, parts.port or default_ports.get(parts.scheme, 443))
