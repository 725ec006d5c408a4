"""Connections that say nothing, too little, too slowly or too much end, and are told why where they can be."""

import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from backends import Caller
from serving import OPTIONS, serving

from hortus_server.api.edge import Edge, EdgePorts, make_edge
from hortus_server.domain.rates import RateDefaults

WITHIN_S = 30.0  # a busy machine
HEAD_S = 0.2
HEAD = b"POST /v1/agents HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n"


class Raw:
    """One connection, spoken by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def say(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def rest(self) -> bytes:
        """All that comes until the server hangs up."""
        async with asyncio.timeout(WITHIN_S):
            return await self._reader.read()

    async def head(self) -> bytes:
        async with asyncio.timeout(WITHIN_S):
            return await self._reader.readuntil(b"\r\n\r\n")

    async def problem(self) -> dict[str, Any]:
        head, _, body = (await self.rest()).partition(b"\r\n\r\n")
        assert b"application/problem+json" in head, head
        document: dict[str, Any] = json.loads(body)
        assert head.startswith(f"HTTP/1.1 {document['status']} ".encode())
        return document


class Callers:
    """Opens connections, and closes them at the end."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._writers: list[asyncio.StreamWriter] = []

    async def connect(self) -> Raw:
        host, port = self._address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        self._writers.append(writer)
        return Raw(reader, writer)

    async def close(self) -> None:
        for writer in self._writers:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


@contextlib.asynccontextmanager
async def calling(ports: EdgePorts, **bounds: float) -> AsyncIterator[Callers]:
    rates = RateDefaults(head_bytes=2048, keep_alive_s=30, **bounds)
    async with serving(make_edge(replace(OPTIONS, rates=rates), ports)) as (_, address):
        opened = Callers(address)
        yield opened
        await opened.close()


@pytest.fixture
async def callers(ports: EdgePorts) -> AsyncIterator[Callers]:
    """Of a server with time for whatever is said."""
    async with calling(ports) as opened:
        yield opened


@pytest.fixture
async def hurried(ports: EdgePorts) -> AsyncIterator[Callers]:
    """Of a server that waits for nobody."""
    async with calling(ports, head_s=HEAD_S) as opened:
        yield opened


async def dribble(raw: Raw, *pieces: bytes, pause_s: float) -> None:
    """Until the server hangs up."""
    with contextlib.suppress(ConnectionError):
        for piece in itertools.cycle(pieces):
            await raw.say(piece)
            await asyncio.sleep(pause_s)


async def test_a_connection_without_a_word_is_closed(hurried: Callers):
    began = time.monotonic()
    assert await (await hurried.connect()).rest() == b""
    assert time.monotonic() - began > 0.75 * HEAD_S


async def test_a_head_that_dribbles_in_is_cut_off(hurried: Callers):
    raw = await hurried.connect()
    dribbling = asyncio.create_task(dribble(raw, *(bytes([byte]) for byte in HEAD), pause_s=0.02))
    assert (await raw.problem())["code"] == "request_timeout"
    dribbling.cancel()


async def test_a_body_that_does_not_come_is_cut_off(ports: EdgePorts):
    async with calling(ports, body_s=0.2) as callers:
        raw = await callers.connect()
        await raw.say(HEAD + b'content-length: 500\r\n\r\n{"name":')
        assert (await raw.problem())["code"] == "request_timeout"


async def test_blank_lines_do_not_keep_a_connection(hurried: Callers):
    raw = await hurried.connect()
    await raw.say(b"GET /healthz HTTP/1.1\r\nhost: h\r\n\r\n")
    assert b" 200 " in await raw.head()
    dribbling = asyncio.create_task(dribble(raw, b"\r\n", pause_s=0.05))
    await raw.rest()
    dribbling.cancel()


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 3000 + b" HTTP/1.1\r\nhost: h\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nhost: h\r\nx: " + b"a" * 3000 + b"\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nhost: h\r\nx: " + b"a" * 300_000,
        b"GET /healthz HTTP/1.1\r\n" + b"x: y\r\n" * 2000 + b"\r\n",
    ],
    ids=["address", "header", "header without an end", "headers"],
)
async def test_a_head_that_is_too_large_is_refused(callers: Callers, head: bytes):
    raw = await callers.connect()
    await raw.say(head)
    assert (await raw.problem())["code"] == "head_too_large"


CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"


async def test_a_trailer_is_no_header(callers: Callers, admin: Caller):
    """Or it would slip past what a proxy in front takes out of heads, and past the bound for them."""
    raw = await callers.connect()
    trailers = f"authorization: Bearer {admin.key}\r\nconnection: close\r\n".encode()
    await raw.say(CHUNKED + b'c\r\n{"name":"x"}\r\n0\r\n' + trailers + b"\r\n")
    assert b" 401 " in await raw.head()


@pytest.mark.parametrize("endless", [b"1;" + b"a" * 2_000_000, b"0\r\na: " + b"a" * 2_000_000])
async def test_what_stands_around_a_body_ends_too(callers: Callers, endless: bytes):
    raw = await callers.connect()
    with contextlib.suppress(ConnectionError):
        await raw.say(CHUNKED + endless)
    assert (await raw.problem())["code"] == "bad_request"


async def test_a_body_may_come_in_the_smallest_of_chunks(callers: Callers, admin: Caller):
    raw = await callers.connect()
    body = json.dumps({"name": "x", "description": "a" * 900}).encode()
    key = f"authorization: Bearer {admin.key}\r\n".encode()
    await raw.say(HEAD + key + b"transfer-encoding: chunked\r\n\r\n")
    await raw.say(b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n")
    assert b" 201 " in await raw.head()


async def test_what_is_no_http_is_told_so(callers: Callers):
    raw = await callers.connect()
    await raw.say(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 this is a TLS hello\r\n\r\n")
    assert (await raw.problem())["code"] == "bad_request"


async def test_a_body_that_is_too_large_ends_although_more_of_it_comes(ports: EdgePorts):
    too_much = b"transfer-encoding: chunked\r\n\r\n" + b"10000\r\n" + b" " * 65_536 + b"\r\n1\r\n \r\n"
    async with calling(ports, body_s=0.5) as callers:
        raw = await callers.connect()
        await raw.say(HEAD + too_much)
        assert b"HTTP/1.1 413 " in await raw.head()
        await raw.rest()  # the rest of the body never came, and the connection did not wait for it for long


async def test_whole_requests_share_a_connection_past_the_time_for_one(hurried: Callers, admin: Caller):
    raw = await hurried.connect()
    for _ in range(4):
        await raw.say(f"GET /v1/me HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {admin.key}\r\n\r\n".encode())
        assert b" 200 " in await raw.head()
        await asyncio.sleep(0.4 * HEAD_S)  # three of these are longer than a head may take


async def test_an_idle_connection_outlives_the_usual_load_balancer(edge: Edge):
    async with serving(edge) as (running, _):
        assert running.config.timeout_keep_alive == 75


async def test_more_connections_than_places_are_told_to_come_back(ports: EdgePorts):
    async with serving(make_edge(OPTIONS, ports), connections=1) as (_, address):
        callers = Callers(address)
        for _ in range(66):
            await callers.connect()
        raw = await callers.connect()
        await raw.say(b"GET /healthz HTTP/1.1\r\nhost: h\r\n\r\n")
        answer = await raw.rest()
        await callers.close()
    assert b"HTTP/1.1 503 " in answer
    assert b"retry-after: 1" in answer.lower()
