"""Server-sent events of one streamed answer, read within bounds of time and size."""

import asyncio
from typing import Final, NamedTuple, Self

import aiohttp

from hortus_agents.errors import ModelProtocolError, ModelTimeoutError, ModelUnavailableError

MAX_LINE_BYTES: Final = 4 * 1024 * 1024
_DRAIN_S: Final = 0.25  # for the end of the response after its last event
_LEFT_OVER_CHARS: Final = 2_000


class Bound(NamedTuple):
    """A wait that began `length_s` before `at`, on the event loop's clock."""

    at: float
    length_s: float

    @classmethod
    def of(cls, length_s: float) -> Self:
        """A wait of `length_s` from now."""
        return cls(asyncio.get_running_loop().time() + length_s, length_s)


class EventBuffer:
    """Cuts a server-sent event stream into the payloads of its `data:` lines."""

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        self._tail = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Payloads completed by `chunk`, in order; comments and other fields are dropped.

        Raises:
            ModelProtocolError: one line outgrew the bound.
        """
        lines = (self._tail + chunk).split(b"\n")
        self._tail = lines.pop()
        if len(self._tail) > MAX_LINE_BYTES:
            raise ModelProtocolError(f"the endpoint sent an event above {MAX_LINE_BYTES} bytes")
        return [line[5:].strip() for line in lines if line.startswith(b"data:")]

    @property
    def tail(self) -> str:
        """What is left over: after the end of a proper stream, nothing."""
        return self._tail.decode("utf-8", "replace").strip()


class EventReader:
    """Reads a response event by event within the endpoint's bounds.

    Not an async generator: closing the outer one would leave an inner one suspended until the next collection.
    """

    __slots__ = ("_bound", "_buffer", "_chunk_timeout_s", "_done", "_model", "_response")

    def __init__(self, response: aiohttp.ClientResponse, *, model: str, first: Bound, chunk_timeout_s: float) -> None:
        self._response = response
        self._model = model
        self._bound = first
        self._chunk_timeout_s = chunk_timeout_s
        self._buffer = EventBuffer()
        self._done = False

    @property
    def left_over(self) -> str:
        """Text after the last event, for an error message: an endpoint that does not stream leaves its answer."""
        tail = self._buffer.tail[:_LEFT_OVER_CHARS]
        return f"; it sent: {tail}" if tail else ""

    async def read(self) -> list[bytes]:
        """The next payloads, at least one; empty at the end. Comments (keep-alives) do not extend the bound.

        Raises:
            ModelTimeoutError: no event within the bound.
            ModelUnavailableError: the connection was lost.
            ModelProtocolError: an event is too long.
        """
        while not self._done:
            chunk = await self._read_chunk()
            if not chunk:
                break
            payloads = self._buffer.feed(chunk)
            if payloads and payloads[-1] == b"[DONE]":
                self._done = True
                payloads.pop()
            if payloads:
                self._bound = Bound.of(self._chunk_timeout_s)
                return payloads
        return []

    async def _read_chunk(self) -> bytes:
        try:
            async with asyncio.timeout_at(self._bound.at):
                return await self._response.content.readany()
        except TimeoutError as exc:
            length_s = self._bound.length_s
            raise ModelTimeoutError(f"{self._model} sent nothing within {length_s:g} s", timeout_s=length_s) from exc
        except (aiohttp.ClientError, OSError) as exc:
            raise ModelUnavailableError(f"the connection to {self._model} was lost: {exc}") from exc


async def drain(response: aiohttp.ClientResponse) -> None:
    """Read what follows the last event, so that the endpoint does not take the end for a reader that gave up."""
    try:
        async with asyncio.timeout(_DRAIN_S):
            while await response.content.readany():
                pass
    except (aiohttp.ClientError, OSError, TimeoutError):
        return  # the answer is complete
