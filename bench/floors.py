"""What nobody can be faster than here: one durable commit, commits in company, a bare HTTP POST."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import psycopg

from bench.report import Figures, percentiles
from bench.stack import answers, child

PAYLOAD = "x" * 200
CREATE = "CREATE TABLE IF NOT EXISTS bench_floor (id bigserial PRIMARY KEY, payload text NOT NULL)"
INSERT = "INSERT INTO bench_floor (payload) VALUES (%s)"


class CommitFloor:
    """Single-row commits on the database under test."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url

    async def latency(self, count: int = 100) -> Figures:
        """One connection, one row a commit."""
        async with await psycopg.AsyncConnection.connect(self._url, autocommit=True) as connection:
            await connection.execute(CREATE)
            took_ms = []
            for _ in range(count):
                began = time.perf_counter()
                await connection.execute(INSERT, (PAYLOAD,))
                took_ms.append((time.perf_counter() - began) * 1000)
        return percentiles(took_ms)

    async def rate(self, *, clients: int = 8, seconds: float = 2.0) -> float:
        """Commits per second of several clients, which PostgreSQL may group."""

        async def insert(until: float) -> int:
            done = 0
            async with await psycopg.AsyncConnection.connect(self._url, autocommit=True) as connection:
                while time.perf_counter() < until:
                    await connection.execute(INSERT, (PAYLOAD,))
                    done += 1
            return done

        async with await psycopg.AsyncConnection.connect(self._url, autocommit=True) as connection:
            await connection.execute(CREATE)
        until = time.perf_counter() + seconds
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(insert(until)) for _ in range(clients)]
        return round(sum(task.result() for task in tasks) / seconds, 1)


class PostFloor:
    """A bare ASGI application on uvicorn that parses a JSON body and answers."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self._url = url
        self._http = http

    async def post(self) -> None:
        """One request."""
        async with self._http.post(self._url, json={"agent": "bench", "input": "hello"}) as response:
            await response.json()

    async def latency(self, count: int = 100) -> Figures:
        """One request after the other."""
        took_ms = []
        for _ in range(count):
            began = time.perf_counter()
            await self.post()
            took_ms.append((time.perf_counter() - began) * 1000)
        return percentiles(took_ms)


@asynccontextmanager
async def open_post_floor() -> AsyncIterator[PostFloor]:
    """The bare application in a process of its own."""
    async with child(sys.executable, "-m", "bench.bare_app") as process:
        if process.stdout is None:
            raise RuntimeError("no output")
        port = int(await asyncio.wait_for(process.stdout.readline(), 60))
        url = f"http://127.0.0.1:{port}/"
        await answers(url)
        async with aiohttp.ClientSession() as http:
            yield PostFloor(url, http)
