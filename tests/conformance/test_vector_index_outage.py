"""The index when its server stops, dies or hangs; on the embedded engine, whose process is ours to end."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from qdrant_process import EngineProcess
from stack_parts import free_port

from hortus_memory.adapters.qdrant import QdrantIndex, connect_qdrant
from hortus_memory.embedding.hashed import HashEmbedder
from hortus_memory.errors import IndexRequestError, IndexUnavailableError
from hortus_memory.types import IndexPoint


@contextlib.asynccontextmanager
async def index_at(url: str, *, timeout_s: float = 10, api_key: str | None = None) -> AsyncIterator[QdrantIndex]:
    client = connect_qdrant(url, timeout_s=timeout_s, api_key=api_key)
    try:
        yield QdrantIndex(client, "memories", HashEmbedder(64), timeout_s=timeout_s)
    finally:
        await client.close()


def notes(number: int) -> list[IndexPoint]:
    return [IndexPoint(uuid4(), "acme", f"note number {n}", {"n": n}) for n in range(number)]


async def test_points_survive_a_clean_restart(engine_path: Path):
    first = EngineProcess(engine_path)
    async with index_at(first.url) as index:
        await index.upsert(notes(20))
        assert first.stop() == 0
        second = EngineProcess(engine_path, port=first.port)
        try:
            assert await index.count("acme") == 20
            assert len(await index.search("acme", "note", limit=5)) == 5
        finally:
            second.kill()


async def test_acknowledged_points_survive_kill_9(engine_path: Path):
    first = EngineProcess(engine_path)
    stored = notes(50)
    async with index_at(first.url) as index:
        for note in stored:
            await index.upsert([note])
        first.kill()
    second = EngineProcess(engine_path)
    try:
        async with index_at(second.url) as index:
            found = await index.search("acme", "note number", limit=100)
            assert {item.id for item in found} == {note.id for note in stored}
    finally:
        second.kill()


async def test_kill_9_between_writes_loses_no_acknowledged_point(engine_path: Path):
    first = EngineProcess(engine_path)
    acknowledged = 0
    async with index_at(first.url) as index:
        await index.ensure()

        async def write() -> None:
            nonlocal acknowledged
            with contextlib.suppress(IndexUnavailableError):
                while True:
                    await index.upsert(notes(1))
                    acknowledged += 1

        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(write())
            async with asyncio.timeout(60):
                while acknowledged <= 10:
                    await asyncio.sleep(0.1)
            await asyncio.sleep(0.3)
            first.kill()
    second = EngineProcess(engine_path)
    try:
        async with index_at(second.url) as index:
            assert acknowledged <= await index.count("acme") <= acknowledged + 4
    finally:
        second.kill()


async def test_stopped_server_is_unavailable_at_once():
    async with index_at(f"http://127.0.0.1:{free_port()}", timeout_s=60) as index:
        began = time.monotonic()
        with pytest.raises(IndexUnavailableError):
            await index.search("acme", "x", limit=1)
        assert time.monotonic() - began < 30, "not the time limit of a request"
        assert not await index.healthy()


async def test_hanging_server_is_unavailable_within_the_limit_for_every_caller():
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()  # the kernel accepts connections, nobody ever answers
        async with index_at(f"http://127.0.0.1:{deaf.getsockname()[1]}", timeout_s=1) as index:
            began = time.monotonic()
            failures = await asyncio.gather(
                *(index.search("acme", "x", limit=1) for _ in range(8)), return_exceptions=True
            )
            assert time.monotonic() - began < 6, "all at once, not eight seconds one after the other"
            assert {type(failure) for failure in failures} == {IndexUnavailableError}


async def test_key_is_demanded_and_a_wrong_one_is_a_fault_of_the_configuration(engine_path: Path):
    key_file = engine_path.parent / "key"
    key_file.write_text("s3cret\n")
    engine = EngineProcess(engine_path, api_key_file=key_file)
    try:
        async with index_at(engine.url, api_key="s3cret") as index:
            assert await index.count("acme") == 0
        async with index_at(engine.url, api_key="wrong") as index:
            with pytest.raises(IndexRequestError, match="401"):
                await index.count("acme")
        async with index_at(engine.url) as index:
            assert not await index.healthy()
    finally:
        engine.kill()
