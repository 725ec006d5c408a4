import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from hortus_server.adapters.embedded.component import Component, Transfer
from hortus_server.adapters.embedded.home import HortusHome
from hortus_server.adapters.embedded.state import SupervisorState
from hortus_server.adapters.embedded.supervisor import Supervisor

logger = logging.getLogger(__name__)


class Recorder:
    """Keeps what a supervisor showed, so that a failing test prints it."""

    def __init__(self) -> None:
        self.statuses: list[tuple[str, str]] = []

    def show_line(self, component: str, line: str) -> None:
        logger.info("%s | %s", component, line)

    def show_status(self, component: str, status: str, detail: str) -> None:
        logger.info("%s is %s %s", component, status, detail)
        self.statuses.append((component, status))

    def show_transfer(self, transfer: Transfer) -> None:
        pass

    async def until(self, component: str, status: str, *, times: int, timeout_s: float = 30.0) -> None:
        async with asyncio.timeout(timeout_s):
            while self.statuses.count((component, status)) < times:
                await asyncio.sleep(0.05)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def home(tmp_path: Path) -> HortusHome:
    home = HortusHome(root=tmp_path / "home", models=tmp_path / "models")
    home.create()
    return home


@pytest.fixture
def pid_of(home: HortusHome) -> Callable[[str], int]:
    def find(name: str) -> int:
        state = SupervisorState.load(home.state_file)
        assert state is not None
        process = state.components[name].process
        assert process is not None
        return process.pid

    return find


Supervised = Callable[..., contextlib.AbstractAsyncContextManager[Supervisor]]


@pytest.fixture
def supervised(home: HortusHome, recorder: Recorder) -> Supervised:
    @contextlib.asynccontextmanager
    async def run(*components: Component, timeout_s: float = 60.0) -> AsyncIterator[Supervisor]:
        supervisor = Supervisor(components, home=home, display=recorder)
        stop, ready = asyncio.Event(), asyncio.Event()

        async def on_ready() -> None:
            ready.set()

        async with asyncio.TaskGroup() as group:
            group.create_task(supervisor.run(stop, on_ready=on_ready))
            try:
                async with asyncio.timeout(timeout_s):
                    await ready.wait()
                yield supervisor
            finally:
                stop.set()

    return run
