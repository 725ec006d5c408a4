"""A process that ends must not leave its event loop running while the interpreter is taken down."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hortus_server.worker import loop_thread
from hortus_server.worker.loop_thread import LoopThread, running_loop_of_process

ENDS_WITHOUT_STOPPING = """
from contextlib import asynccontextmanager
from hortus_server.worker.loop_thread import LoopThread

@asynccontextmanager
async def lifespan():
    yield
    print("left")

LoopThread(lifespan).start()
"""


def test_the_end_of_the_process_stops_the_loop() -> None:
    command = [sys.executable, "-c", ENDS_WITHOUT_STOPPING]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "left\n", "")


def test_a_start_that_is_broken_off_undoes_what_was_entered(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        try:
            await asyncio.Event().wait()
            yield
        finally:
            await asyncio.sleep(0)
            said.append("undone")

    monkeypatch.setattr(loop_thread, "START_TIMEOUT_S", 0.01)
    thread = LoopThread(lifespan)
    with pytest.raises(TimeoutError):
        thread.start()
    assert said == ["undone"]
    assert thread.loop.is_closed()
    with pytest.raises(RuntimeError):
        running_loop_of_process()


def test_what_cannot_be_left_in_time_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        try:
            yield
            await asyncio.Event().wait()
        finally:
            said.append("cancelled")

    monkeypatch.setattr(loop_thread, "CLOSE_TIMEOUT_S", 0.1)
    thread = LoopThread(lifespan)
    thread.start()
    thread.stop()
    assert said == ["cancelled"]
    assert thread.loop.is_closed()


def test_what_still_runs_on_the_loop_is_ended_with_it() -> None:
    said: list[str] = []

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            said.append("ended")

    thread = LoopThread()
    thread.start()
    running = thread.submit(forever())
    thread.stop()
    assert running.cancelled()
    assert said == ["ended"]
