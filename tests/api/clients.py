"""Readers of streams: over WebSocket and over server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

WAIT_S = 30.0  # a busy machine


@asynccontextmanager
async def socket(address: str, path: str, key: str | None = None, **options: Any) -> AsyncIterator[ClientConnection]:
    """An open WebSocket, authenticated by header if a key is given."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    headers |= options.pop("headers", {})
    async with connect(
        f"ws://{address}{path}", additional_headers=headers, proxy=None, close_timeout=1, **options
    ) as opened:
        yield opened


async def read(opened: ClientConnection, *, heartbeats: bool = False) -> dict[str, Any]:
    """The next frame that is no heartbeat."""
    async with asyncio.timeout(WAIT_S):
        while True:
            frame = json.loads(await opened.recv())
            if heartbeats or frame["type"] != "heartbeat":
                return frame


async def until_closed(opened: ClientConnection) -> tuple[int | None, list[dict[str, Any]]]:
    """The close code that the server sent, None if it only hung up, and the frames before it."""
    frames: list[dict[str, Any]] = []
    try:
        while True:
            frames.append(await read(opened))
    except ConnectionClosed as closed:
        return (closed.rcvd.code if closed.rcvd else None), frames


async def ask(opened: ClientConnection, **frame: Any) -> dict[str, Any]:
    """Send a frame; its reply, past what else comes in between."""
    await opened.send(json.dumps(frame))
    while True:
        answer = await read(opened)
        if answer["type"] == "reply":
            return answer


@asynccontextmanager
async def sse(
    address: str, path: str, key: str, *, heartbeats: bool = False, **headers: str
) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """Parsed server-sent events: {"id", "event", "data"}."""
    sent = {"Authorization": f"Bearer {key}", "Accept": "text/event-stream", **headers}
    async with (
        httpx.AsyncClient(timeout=WAIT_S) as client,
        client.stream("GET", f"http://{address}{path}", headers=sent) as answer,
    ):
        assert answer.status_code == 200, (await answer.aread(), answer.status_code)
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield (item async for item in _parse(answer) if heartbeats or item["event"] != "heartbeat")


async def _parse(answer: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    item: dict[str, Any] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            item[name] = value
        elif "data" in item:
            yield {**item, "data": json.loads(item["data"])}
            item = {}
        else:
            item = {}
