import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from hortus_server.adapters.embedded.component import Command, Component, RestartPolicy, Transfer
from hortus_server.adapters.embedded.errors import ComponentFailedError, EmbeddedError, HomeLockedError
from hortus_server.adapters.embedded.home import HortusHome
from hortus_server.adapters.embedded.lifecycle import stop_running
from hortus_server.adapters.embedded.state import SupervisorState, clean_leftovers, marked_processes
from hortus_server.adapters.embedded.supervisor import Supervisor, start_order

SLEEPER = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
QUICK = RestartPolicy(initial_s=0.01, max_s=0.05, max_failures=3)


class Recorder:
    """Keeps what a supervisor showed."""

    def __init__(self) -> None:
        self.statuses: list[tuple[str, str]] = []
        self.lines: list[tuple[str, str]] = []
        self.details: list[str] = []

    def show_line(self, component: str, line: str) -> None:
        self.lines.append((component, line))

    def show_status(self, component: str, status: str, detail: str) -> None:
        self.statuses.append((component, status))
        self.details.append(detail)

    def show_transfer(self, transfer: Transfer) -> None:
        pass


@pytest.fixture
def home(tmp_path: Path) -> HortusHome:
    home = HortusHome(root=tmp_path / "home", models=tmp_path / "home" / "models")
    home.create()
    return home


def python(code: str) -> Command:
    return Command(argv=(sys.executable, "-S", "-c", code))


def printed(recorder: Recorder, component: str) -> Callable[[], object]:
    async def probe() -> None:
        assert (component, "up") in recorder.lines

    return probe


def child(name: str, recorder: Recorder, code: str = SLEEPER, **rest) -> Component:
    return Component(name=name, command=python(code), ready=printed(recorder, name), **rest)


@contextlib.asynccontextmanager
async def supervised(home: HortusHome, recorder: Recorder, *components: Component) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(components, home=home, display=recorder)
    stop, ready = asyncio.Event(), asyncio.Event()

    async def on_ready() -> None:
        ready.set()

    task = asyncio.create_task(supervisor.run(stop, on_ready=on_ready))
    try:
        async with asyncio.timeout(60):
            await ready.wait()
        yield supervisor
    finally:
        stop.set()
        async with asyncio.timeout(60):
            await task


async def until(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.02)


def pid_of(home: HortusHome, name: str) -> int | None:
    state = SupervisorState.load(home.state_file)
    record = state.components[name] if state else None
    return record.process.pid if record and record.process else None


async def test_starts_after_dependencies_and_stops_in_reverse(home: HortusHome) -> None:
    recorder = Recorder()
    database = child("database", recorder)
    api = child("api", recorder, depends_on=frozenset({"database"}))
    async with supervised(home, recorder, api, database):
        assert recorder.statuses.index(("database", "ready")) < recorder.statuses.index(("api", "starting"))
    assert recorder.statuses.index(("api", "stopped")) < recorder.statuses.index(("database", "stopping"))


async def test_what_is_used_is_not_waited_for_and_stops_after_its_users(home: HortusHome) -> None:
    recorder = Recorder()
    worker_is_up = asyncio.Event()

    async def fetch_weights(display: object) -> None:
        await worker_is_up.wait()

    async def tell() -> None:
        worker_is_up.set()

    model = child("model", recorder, prepare=fetch_weights)
    worker = child("worker", recorder, uses=frozenset({"model", "external"}), after_start=tell)
    async with supervised(home, recorder, worker, model):
        pass
    assert recorder.statuses.index(("worker", "stopped")) < recorder.statuses.index(("model", "stopping"))


async def test_nothing_is_left_after_a_stop(home: HortusHome) -> None:
    recorder = Recorder()
    async with supervised(home, recorder, child("one", recorder), child("two", recorder)):
        assert len(marked_processes(home.marker)) == 2
    assert marked_processes(home.marker) == []
    assert not home.state_file.exists()


async def test_dead_child_is_restarted(home: HortusHome) -> None:
    recorder = Recorder()
    async with supervised(home, recorder, child("one", recorder, restart=QUICK)):
        first = pid_of(home, "one")
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: recorder.statuses.count(("one", "ready")) == 2)
        assert pid_of(home, "one") not in {None, first}


async def test_child_that_keeps_dying_fails_with_its_last_words_and_stops_the_rest(home: HortusHome) -> None:
    recorder = Recorder()
    broken = Component(
        name="broken",
        command=python("print('no such database'); raise SystemExit(3)"),
        ready=printed(recorder, "-"),
        restart=QUICK,
    )
    supervisor = Supervisor([broken, child("good", recorder)], home=home, display=recorder)
    with pytest.raises(ComponentFailedError, match="exited with 3") as raised:
        await asyncio.wait_for(supervisor.run(asyncio.Event()), 20)
    assert raised.value.last_lines == ("no such database",)
    assert any("exited with 3 before it was ready (no such database); again in" in it for it in recorder.details)
    assert recorder.statuses.count(("broken", "starting")) == QUICK.max_failures + 1
    assert marked_processes(home.marker) == []


async def test_an_exit_that_more_tries_would_only_repeat_is_the_last(home: HortusHome) -> None:
    recorder = Recorder()
    wrong = Component(
        name="api",
        command=python("print('HORTUS_API_PROT: there is no such setting'); raise SystemExit(2)"),
        ready=printed(recorder, "-"),
        restart=RestartPolicy(hopeless=frozenset({2})),
    )
    with pytest.raises(ComponentFailedError, match="HORTUS_API_PROT"):
        await asyncio.wait_for(Supervisor([wrong], home=home, display=recorder).run(asyncio.Event()), 20)
    assert recorder.statuses.count(("api", "starting")) == 1


async def test_optional_component_may_fail_while_the_rest_runs(home: HortusHome) -> None:
    recorder = Recorder()

    async def prepare(display: object) -> None:
        raise EmbeddedError("no weights")

    optional = Component(name="model", prepare=prepare, required=False)
    async with supervised(home, recorder, optional, child("api", recorder, depends_on=frozenset({"model"}))):
        assert ("model", "failed") in recorder.statuses


async def test_unwell_child_is_restarted(home: HortusHome) -> None:
    recorder = Recorder()
    well = asyncio.Event()

    async def healthy() -> None:
        assert well.is_set()

    one = child("one", recorder, healthy=healthy, health_interval_s=0.05, max_missed_checks=2, restart=QUICK)
    async with supervised(home, recorder, one):
        await until(lambda: recorder.statuses.count(("one", "ready")) >= 2)
        well.set()
        assert ("one", "unhealthy") in recorder.statuses


async def test_child_that_ignores_the_stop_signal_is_killed(home: HortusHome) -> None:
    recorder = Recorder()
    async with supervised(home, recorder, child("one", recorder, STUBBORN, stop_timeout_s=0.3)):
        pass
    assert "did not stop in time; killing it" in recorder.details
    assert marked_processes(home.marker) == []


async def test_hurry_does_not_wait_for_a_stubborn_child(home: HortusHome) -> None:
    recorder = Recorder()
    async with supervised(home, recorder, child("one", recorder, STUBBORN, stop_timeout_s=60)) as supervisor:
        supervisor.hurry()
        began = time.monotonic()
    assert time.monotonic() - began < 30


async def test_preparation_is_cancelled_by_a_stop(home: HortusHome) -> None:
    recorder = Recorder()
    cancelled = asyncio.Event()

    async def prepare(display: object) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    stop = asyncio.Event()
    supervisor = Supervisor([Component(name="model", prepare=prepare)], home=home, display=recorder)
    task = asyncio.create_task(supervisor.run(stop))
    await until(lambda: ("model", "preparing") in recorder.statuses)
    stop.set()
    await asyncio.wait_for(task, 50)
    assert cancelled.is_set()


async def test_output_reaches_the_log_file_and_long_lines_are_cut(home: HortusHome) -> None:
    recorder = Recorder()
    code = "print('up', flush=True); print('x' * 100_000, flush=True); import time; time.sleep(60)"
    async with supervised(home, recorder, child("one", recorder, code)):
        await until(lambda: len(recorder.lines) > 3)
    text = (home.log / "one.log").read_text()
    assert text.startswith("up\n")
    assert max(len(line) for line in text.splitlines()) <= 2 * 16 * 1024


async def test_child_does_not_inherit_our_environment(home: HortusHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_CLOUD_SECRET", "hunter2")
    recorder = Recorder()
    code = "import os, time; print('up', flush=True); print(sorted(os.environ), flush=True); time.sleep(60)"
    async with supervised(home, recorder, child("one", recorder, code)):
        await until(lambda: len(recorder.lines) == 2)
    assert "SOME_CLOUD_SECRET" not in recorder.lines[1][1]


def test_order_refuses_circles_and_unknown_names() -> None:
    with pytest.raises(ValueError, match="circle"):
        start_order([Component(name="a", depends_on=frozenset("b")), Component(name="b", depends_on=frozenset("a"))])
    with pytest.raises(ValueError, match="unknown"):
        start_order([Component(name="a", depends_on=frozenset("z"))])


SUPERVISOR_PROGRAM = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_supervisor import Recorder, STUBBORN, SLEEPER, child
from hortus_server.adapters.embedded.home import HortusHome
from hortus_server.adapters.embedded.lifecycle import run_up
from hortus_server.adapters.embedded.plan import EmbeddedOptions

root = Path(sys.argv[1])
recorder = Recorder()
async def on_ready(environment):
    print("READY", flush=True)
asyncio.run(run_up(
    EmbeddedOptions(home=HortusHome(root=root, models=root / "models"), only=frozenset({"one", "two"})),
    app_components=lambda environment, ports: [
        child("one", recorder, SLEEPER),
        child("two", recorder, STUBBORN, stop_timeout_s=0.5, depends_on=frozenset({"one"}))],
    display=recorder, on_ready=on_ready))
"""


@contextlib.contextmanager
def running_supervisor(home: HortusHome) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR_PROGRAM, str(home.root), str(Path(__file__).parent)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            line = process.stdout.readline()
            assert line == "READY\n", process.stderr.read()
            yield process
        finally:
            process.kill()


async def test_kill_9_of_the_supervisor_leaves_no_child(home: HortusHome) -> None:
    with running_supervisor(home) as process:
        assert len(marked_processes(home.marker)) == 2
        process.kill()
        process.wait()
        await until(lambda: marked_processes(home.marker) == [], timeout_s=30)  # half of what they would sleep


async def test_second_supervisor_is_told_who_owns_the_home_and_down_stops_it(home: HortusHome) -> None:
    with running_supervisor(home) as process:
        message = rf"process {process.pid} .*hortus down"
        with pytest.raises(HomeLockedError, match=message) as raised, home.locked(now=datetime.now(UTC)):
            pass
        assert raised.value.pid == process.pid
        assert await stop_running(home, timeout_s=30)
        assert process.wait(timeout=30) == 0
        assert marked_processes(home.marker) == []
        assert not await stop_running(home)


async def test_leftover_without_a_record_is_found_by_its_mark_and_stopped(home: HortusHome) -> None:
    with subprocess.Popen(
        [sys.executable, "-S", "-c", SLEEPER], env={**os.environ, "HORTUS_SUPERVISED_BY": home.marker}
    ) as process:
        cleaned = await asyncio.to_thread(clean_leftovers, None, marker=home.marker)
        assert cleaned == [process.pid]
        assert not psutil.pid_exists(process.pid)


async def test_reused_process_id_is_not_taken_for_a_leftover(home: HortusHome) -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", SLEEPER]) as stranger:
        created_at_s = psutil.Process(stranger.pid).create_time()
        record = {"name": "one", "status": "ready", "process": {"pid": stranger.pid, "created_at_s": created_at_s - 5}}
        state = SupervisorState.model_validate_json(
            json.dumps(
                {
                    "supervisor": {"pid": 1, "created_at_s": 1.0},
                    "started_at": "2026-01-01T00:00:00Z",
                    "components": {"one": record},
                }
            )
        )
        assert await asyncio.to_thread(clean_leftovers, state, marker=home.marker) == []
        assert stranger.poll() is None
        stranger.kill()
