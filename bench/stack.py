"""A whole Hortus to measure: `hortus up` in a home of its own, over a scripted model that answers at once.

PostgreSQL keeps `fsync` and `synchronous_commit` on. Everything listens on loopback and is gone with the block.
"""

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from hortus_server.adapters.embedded.home import HortusHome
from hortus_server.adapters.embedded.ports import PortBook
from hortus_server.adapters.embedded.postgres import EmbeddedPostgres
from hortus_server.adapters.embedded.process import leashed
from hortus_server.adapters.embedded.state import SupervisorState
from hortus_server.adapters.embedded.valkey import EmbeddedValkey

START_S = 400.0  # a busy machine; an idle one takes ten
STOP_S = 60.0
CLI = (sys.executable, "-m", "hortus_server.cli")
ANSWER: Mapping[str, Any] = {"default": {"json": {"answer": "Done."}}}
PLAIN: Mapping[str, Any] = {
    "tools": [],
    "memory": {"recall": False, "remember": False},
    "evolution": {"reuse": False, "create": False},
}
"""An agent of one step without memory and tools: what is left is the orchestration."""


@dataclass(frozen=True, slots=True)
class Stack:
    """What runs and where. `started_s` is the time from the command to its word that everything is up."""

    home: HortusHome
    url: str
    key: str
    model_url: str
    postgres: EmbeddedPostgres
    broker_url: str
    started_s: float

    @property
    def database_url(self) -> str:
        """The application's own role."""
        return self.postgres.dsn

    def processes(self) -> dict[str, psutil.Process]:
        """The running processes by component, the supervisor among them."""
        state = SupervisorState.load(self.home.state_file)
        if state is None:
            return {}
        found = {name: record.process.find() for name, record in state.components.items() if record.process}
        found["supervisor"] = state.supervisor.find()
        return {name: process for name, process in found.items() if process is not None}


@asynccontextmanager
async def open_stack(
    *, workers: int = 2, settings: Mapping[str, str] | None = None, model: Mapping[str, Any] = ANSWER
) -> AsyncIterator[Stack]:
    """Start it, yield it ready, stop it, delete its home. HORTUS_BENCH_DIR chooses the disk that it writes to."""
    async with AsyncExitStack() as exits:
        folder = Path(tempfile.mkdtemp(prefix="hortus-bench-", dir=os.environ.get("HORTUS_BENCH_DIR")))
        exits.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o711)
        model_url = await exits.enter_async_context(scripted_model(folder, model))
        yield await exits.enter_async_context(up(folder / "home", model_url, workers=workers, settings=settings))


@asynccontextmanager
async def up(
    home: Path, model_url: str, *, workers: int, settings: Mapping[str, str] | None = None
) -> AsyncIterator[Stack]:
    """`hortus up` without the embedded model server, in `home`, which may have been used before."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("HORTUS_")}
    env |= {
        "HORTUS_HOME": str(home),
        "HORTUS_MODEL_URL": model_url,
        "HORTUS_EMBEDDING_KIND": "hash",
        **(settings or {}),
    }
    began = time.perf_counter()
    async with child(*CLI, "up", "--json", "--port", "0", "--workers", str(workers), env=env) as process:
        word = await _first_json(process, "up")
        started_s = time.perf_counter() - began
        located = HortusHome.locate({"HORTUS_HOME": str(home)})
        ports = PortBook(located.run / "ports.json")
        key = word["admin_key"] or (located.root / "secrets" / "admin_key").read_text(encoding="utf-8").strip()
        yield Stack(
            home=located,
            url=word["url"],
            key=key,
            model_url=model_url,
            postgres=EmbeddedPostgres(located, ports.get("postgres") or 0, "self"),
            broker_url=EmbeddedValkey(located, ports.get("valkey") or 0).url,
            started_s=started_s,
        )


@asynccontextmanager
async def scripted_model(folder: Path, script: Mapping[str, Any]) -> AsyncIterator[str]:
    """The scripted model in a process of its own; its base URL, `/v1` included."""
    path = folder / "script.json"
    path.write_text(json.dumps(script), encoding="utf-8")
    port = PortBook(folder / "model-port.json").assign("model")
    async with child(*CLI, "scripted-model", str(path), "--port", str(port), env=dict(os.environ)):
        url = f"http://127.0.0.1:{port}"
        await answers(f"{url}/health")
        yield f"{url}/v1"


@asynccontextmanager
async def child(*argv: str, env: Mapping[str, str] | None = None) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that ends with the block: SIGTERM, and SIGKILL for one that does not heed it."""
    pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    tied = leashed(argv, death_signal=signal.SIGTERM, identity="self")  # a killed benchmark leaves nothing behind
    process = await asyncio.create_subprocess_exec(*tied, env=env, stdin=null, stdout=pipe, stderr=null)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            # communicate() reads what is still printed, so that a full pipe cannot hold the process up.
            await asyncio.wait_for(process.communicate(), STOP_S)
        except TimeoutError:
            process.kill()
            await process.wait()


async def answers(url: str, *, within_s: float = START_S) -> None:
    """Wait until a GET answers 200. Raises TimeoutError."""
    async with asyncio.timeout(within_s), aiohttp.ClientSession() as http:
        while True:
            try:
                async with http.get(url) as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)


async def _first_json(process: asyncio.subprocess.Process, event: str) -> dict[str, Any]:
    stdout = process.stdout
    if stdout is None:
        raise RuntimeError("the process has no output")
    async with asyncio.timeout(START_S):
        while line := await stdout.readline():
            found = json.loads(line) if line.startswith(b"{") else {}
            if found.get("event") == event:
                return dict(found)
    raise RuntimeError(f"the process ended before it said {event!r}")
