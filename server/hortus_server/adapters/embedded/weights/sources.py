from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import aiohttp

from hortus_server.adapters.embedded.errors import SourceFailedError
from hortus_server.adapters.embedded.weights.catalogue import PinnedFile

CONNECT_TIMEOUT_S = 3.0
READ_TIMEOUT_S = 30.0
CHUNK_BYTES = 256 * 1024
HTTP_PARTIAL = 206
HTTP_OK = 200
HTTP_RANGE_REFUSED = 416

OnBytes = Callable[[int], None]


class WeightSource(Protocol):
    """A place that weights can come from.

    `fetch` leaves the complete, not yet verified file at `target` and may keep unfinished work in
    `scratch` for a later try. It reports the bytes of the file that it has so far.
    """

    name: str

    def offers(self, file: PinnedFile) -> bool:
        """Whether it is worth asking."""

    async def fetch(self, file: PinnedFile, target: Path, *, scratch: Path, on_bytes: OnBytes) -> None:
        """Bring the file.

        Raises:
            SourceFailedError: It cannot; the next source is tried.
        """


class HubSource:
    """A model hub over HTTP; an unreachable one costs the connect timeout, a broken transfer goes on by Range."""

    def __init__(self, base_url: str, *, connect_timeout_s: float = CONNECT_TIMEOUT_S) -> None:
        self.name = "model hub"
        self._base_url = base_url.rstrip("/")
        self._timeout = aiohttp.ClientTimeout(
            total=None,
            connect=connect_timeout_s,
            sock_connect=connect_timeout_s,
            sock_read=READ_TIMEOUT_S,
        )

    def offers(self, file: PinnedFile) -> bool:
        """Whether the file is known to lie on the hub."""
        return bool(self._base_url) and file.hub_path is not None

    async def fetch(self, file: PinnedFile, target: Path, *, scratch: Path, on_bytes: OnBytes) -> None:
        """Download the file, going on where an earlier try ended."""
        partial = scratch / f"{file.name}.hub"
        url = f"{self._base_url}/{file.hub_path}"
        try:
            async with aiohttp.ClientSession(timeout=self._timeout, trust_env=True) as session:
                await _download(session, url, partial, size=file.size, on_bytes=on_bytes)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise SourceFailedError(f"{url}: {error or type(error).__name__}") from error
        _hand_over(partial, target, url=url, size=file.size)


async def _download(session: aiohttp.ClientSession, url: str, partial: Path, *, size: int, on_bytes: OnBytes) -> None:
    have = _usable_bytes(partial, size)
    headers = {"Range": f"bytes={have}-"} if have else {}
    async with session.get(url, headers=headers) as response:
        if response.status == HTTP_RANGE_REFUSED:
            partial.unlink(missing_ok=True)  # noqa: ASYNC240 - instant
        if response.status not in {HTTP_OK, HTTP_PARTIAL}:
            raise SourceFailedError(f"{url}: answered {response.status}")
        resumed = response.status == HTTP_PARTIAL and _starts_at(response, have)
        done = have if resumed else 0
        # Small writes into the page cache; a thread per chunk would cost more than it saves.
        with partial.open("ab" if resumed else "wb") as out:
            async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                out.write(chunk)
                done += len(chunk)
                if done > size:
                    raise SourceFailedError(f"{url}: longer than the pinned {size} bytes")
                on_bytes(done)


def _usable_bytes(partial: Path, size: int) -> int:
    """How much of an earlier try can be gone on with; one that is not shorter than the file is not it."""
    if not partial.exists():
        return 0
    have = partial.stat().st_size
    if have >= size:
        partial.unlink()
        return 0
    return have


def _hand_over(partial: Path, target: Path, *, url: str, size: int) -> None:
    if (got := partial.stat().st_size) != size:
        # Kept: the next try goes on from here.
        raise SourceFailedError(f"{url}: ended after {got} of {size} bytes")
    partial.replace(target)


def _starts_at(response: aiohttp.ClientResponse, offset: int) -> bool:
    return response.headers.get("Content-Range", "").startswith(f"bytes {offset}-")
