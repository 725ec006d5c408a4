"""A worker with tasks that only wait, to see the pool alone: `python pool_tasks.py BROKER_URL POOL DRAIN_S`."""

import asyncio
import os
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields
from pathlib import Path

from hortus_server.model_settings import ModelSettings
from hortus_server.settings import BrokerSettings, DatabaseSettings, QdrantSettings, Settings
from hortus_server.worker import control  # noqa: F401 - registers the remote control commands
from hortus_server.worker.app import WorkerApp
from hortus_server.worker.bridge import await_
from hortus_server.worker.process import WorkerProcess

NOTES = Path(os.environ.get("NOTES", os.devnull))


def note(text: str) -> None:
    with NOTES.open("a") as file:
        file.write(f"{time.time():.3f} {text}\n")


def load_settings() -> Settings:
    broker, pool, drain_s = sys.argv[1:4]
    return Settings(
        mode="embedded",
        database=DatabaseSettings(url="postgresql://unused"),
        broker=BrokerSettings(url=broker),
        qdrant=QdrantSettings(url="http://unused"),
        model=ModelSettings(url="http://unused/v1"),
        embedding={"kind": "hash"},
        worker={"concurrency": 60, "pool": pool, "drain_s": drain_s},
    )


async def nothing(*_args: object) -> None:
    return


@asynccontextmanager
async def open_process(_settings: Settings, worker_id: str, draining: threading.Event) -> AsyncIterator[WorkerProcess]:
    note(f"opened {worker_id}")
    yield WorkerProcess(worker_id, *(nothing for _ in fields(WorkerProcess)[1:]))
    note(f"closed draining={draining.is_set()}")


async def waiting(name: str, *, let_go: Path) -> str:
    """Until a file of this name is there, or one called `all`."""
    note(f"begin {name}")
    try:
        while not ((let_go / name).exists() or (let_go / "all").exists()):
            await asyncio.sleep(0.05)
    except asyncio.CancelledError:
        note(f"cancelled {name}")
        raise
    note(f"end {name}")
    return name


def build() -> WorkerApp:
    app = WorkerApp(load_settings=load_settings, open_process=open_process)

    @app.task(name="wait", queue="runs")
    def wait(name: str) -> str:
        return await_(waiting(name, let_go=NOTES.parent / "let-go"))

    @app.task(name="fail", queue="runs")
    def fail() -> None:
        await_(nothing())
        note("failing")
        raise ValueError("as asked")

    return app


if __name__ == "__main__":
    build().worker_main(["worker", "-n", "pool@test", "--without-gossip", "--without-mingle", "-l", "INFO"])
