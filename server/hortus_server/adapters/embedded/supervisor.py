import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from hortus_server.adapters.embedded.component import Command, Component, ComponentStatus, Display
from hortus_server.adapters.embedded.errors import ComponentFailedError, EmbeddedError
from hortus_server.adapters.embedded.home import HortusHome
from hortus_server.adapters.embedded.process import OUTPUT_DRAIN_S, ChildProcess, LogFile
from hortus_server.adapters.embedded.state import ComponentRecord, ProcessIdentity, SupervisorState

FIRST_POLL_S = 0.05
SLOWEST_POLL_S = 0.5
KILL_WAIT_S = 5.0
AFTER_A_STACK = "Extension modules:"  # a crash's last line, which tells nothing of it


def start_order(components: Sequence[Component]) -> list[str]:
    """Names in an order in which each comes after what it depends on.

    Raises:
        ValueError: A dependency is missing, or dependencies form a circle.
    """
    waiting = {component.name: set(component.depends_on) for component in components}
    if unknown := set().union(*waiting.values()) - waiting.keys():
        raise ValueError(f"components depend on unknown ones: {sorted(unknown)}")
    order: list[str] = []
    while waiting:
        free = sorted(name for name, needs in waiting.items() if needs <= set(order))
        if not free:
            raise ValueError(f"components depend on one another in a circle: {sorted(waiting)}")
        order += free
        for name in free:
            del waiting[name]
    return order


def _first_leaf(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


@dataclass(frozen=True, slots=True)
class _End:
    """How a process ended: how long it was ready, its code, why it is not left at that, its last lines."""

    ready_for_s: float
    code: int | None
    reason: str
    tail: list[str]

    @property
    def told(self) -> str:
        said = [line for line in self.tail if not line.startswith(AFTER_A_STACK)]
        return f"{self.reason} ({said[-1]})" if said else self.reason


@dataclass(slots=True)
class _Unit:
    component: Component
    log: LogFile
    record: ComponentRecord
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    started_once: bool = False

    def __post_init__(self) -> None:
        self.stopped.set()


class Supervisor:
    """Starts components in the order of their dependencies, keeps them alive, stops them in reverse.

    Independent components start in parallel, and `prepare` of each runs beside everything else. A dead or
    unwell component is restarted with backoff; its dependents stay up and reconnect. When one that is
    required gives up, all are stopped and the error is raised. Must run on the main thread's event loop.
    """

    def __init__(self, components: Sequence[Component], *, home: HortusHome, display: Display) -> None:
        start_order(components)
        self._home = home
        self._marker = home.marker
        self._display = display
        self._hurry = asyncio.Event()
        self._readers = asyncio.TaskGroup()
        self._units = {
            component.name: _Unit(
                component=component,
                log=LogFile(home.log / f"{component.name}.log"),
                record=ComponentRecord(
                    name=component.name,
                    status="waiting",
                    port=component.port,
                    url=component.url,
                    stop_signal=int(component.stop_signal),
                ),
            )
            for component in components
        }
        self._state = SupervisorState(
            supervisor=ProcessIdentity.of_this_process(),
            started_at=datetime.now(UTC),
            components={name: unit.record for name, unit in self._units.items()},
        )

    def hurry(self) -> None:
        """Stop waiting for orderly ends: whatever still runs is killed."""
        self._hurry.set()

    async def run(self, stop: asyncio.Event, *, on_ready: Callable[[], Awaitable[None]] | None = None) -> None:
        """Run all components until `stop` is set.

        `on_ready` is called once, when every component is ready for the first time.

        Raises:
            EmbeddedError: A required component failed; everything was stopped.
        """
        try:
            # Readers outlive the units that they read for, so that a component's last words are logged.
            async with asyncio.TaskGroup() as readers, asyncio.TaskGroup() as group:
                self._readers = readers
                lives = [group.create_task(self._live(unit)) for unit in self._units.values()]
                lives.append(group.create_task(self._announce(on_ready)))
                await stop.wait()
                for life in lives:
                    life.cancel()
        except* EmbeddedError as errors:
            raise _first_leaf(errors) from None
        finally:
            for unit in self._units.values():
                unit.log.close()
            self._home.state_file.unlink(missing_ok=True)

    async def _announce(self, on_ready: Callable[[], Awaitable[None]] | None) -> None:
        for unit in self._units.values():
            await unit.ready.wait()
        if on_ready is not None:
            await on_ready()

    def _enter(self, unit: _Unit, status: ComponentStatus, detail: str = "") -> None:
        unit.record.status = status
        unit.record.detail = detail
        self._save_state()
        self._display.show_status(unit.component.name, status, detail)

    def _save_state(self) -> None:
        # A full disk must not stop what still runs; `status` then shows an older picture.
        with suppress(OSError):
            self._state.save(self._home.state_file)

    async def _live(self, unit: _Unit) -> None:
        component = unit.component
        try:
            if component.prepare is not None:
                self._enter(unit, "preparing")
                await component.prepare(self._display)
            for name in sorted(component.depends_on):
                await self._units[name].ready.wait()
            if component.command is None:
                await self._finish_start(unit)
            else:
                await self._keep_running(unit, component.command)
        except (EmbeddedError, OSError) as error:
            self._enter(unit, "failed", str(error))
            if component.required:
                if isinstance(error, EmbeddedError):
                    raise
                raise ComponentFailedError(component.name, str(error)) from error
            unit.ready.set()

    async def _keep_running(self, unit: _Unit, command: Command) -> None:
        component = unit.component
        failures = 0
        while True:
            end = await self._run_once(unit, command)
            failures = 1 if end.ready_for_s > component.restart.reset_after_s else failures + 1
            if end.code in component.restart.hopeless or failures > component.restart.max_failures:
                raise ComponentFailedError(component.name, f"gave up: {end.reason}", last_lines=end.tail)
            unit.record.restarts += 1
            delay_s = component.restart.delay_s(failures)
            self._enter(unit, "restarting", f"{end.told}; again in {delay_s:.1f} s")
            await asyncio.sleep(delay_s)

    async def _run_once(self, unit: _Unit, command: Command) -> _End:
        name = unit.component.name
        self._enter(unit, "starting")
        unit.stopped.clear()
        try:
            child = await ChildProcess.spawn(command, marker=self._marker, death_signal=unit.component.death_signal)
            unit.record.process = ProcessIdentity(pid=child.pid, created_at_s=child.created_at)
            unit.record.started_at = datetime.now(UTC)
            self._save_state()

            def on_line(line: str) -> None:
                unit.log.append(line)
                self._display.show_line(name, line)

            reader = self._readers.create_task(child.read_output(on_line))
            try:
                ready_at, reason = await self._watch(unit, child)
            except asyncio.CancelledError:
                await self._dependents_stopped(unit)
                raise
            finally:
                await self._stop(unit, child)
                # A grandchild may hold the pipe open; its output is no longer ours.
                with suppress(TimeoutError):
                    await asyncio.wait_for(reader, OUTPUT_DRAIN_S)
            ready_for_s = 0.0 if ready_at is None else time.monotonic() - ready_at
            return _End(ready_for_s, child.exit_code, reason, list(child.tail))
        finally:
            unit.record.process = None
            unit.stopped.set()

    async def _watch(self, unit: _Unit, child: ChildProcess) -> tuple[float | None, str]:
        """Wait for readiness, then for death or illness: when it became ready, why it must be restarted."""
        component = unit.component
        deadline = time.monotonic() + component.ready_timeout_s
        poll_s = FIRST_POLL_S
        while not await self._passes(component, component.ready):
            if await child.exits_within(poll_s):
                return None, f"exited with {child.exit_code} before it was ready"
            if time.monotonic() > deadline:
                return None, f"not ready within {component.ready_timeout_s:.0f} s"
            poll_s = min(SLOWEST_POLL_S, poll_s * 1.5)
        await self._finish_start(unit)
        ready_at = time.monotonic()
        missed = 0
        while missed < component.max_missed_checks:
            if await child.exits_within(component.health_interval_s):
                return ready_at, f"exited with {child.exit_code}"
            well = await self._passes(component, component.healthy or component.ready)
            missed = 0 if well else missed + 1
        self._enter(unit, "unhealthy")
        return ready_at, f"missed {missed} health checks in a row"

    async def _finish_start(self, unit: _Unit) -> None:
        component = unit.component
        if not unit.started_once and component.after_start is not None:
            await component.after_start()
        unit.started_once = True
        self._enter(unit, "ready", component.url)
        unit.ready.set()

    @staticmethod
    async def _passes(component: Component, probe: Callable[[], Awaitable[None]]) -> bool:
        try:
            async with asyncio.timeout(component.probe_timeout_s):
                await probe()
        except Exception:  # noqa: BLE001 - whatever a probe raises means "not yet"
            return False
        return True

    async def _dependents_stopped(self, unit: _Unit) -> None:
        name = unit.component.name
        for other in self._units.values():
            if name in other.component.depends_on | other.component.uses:
                await other.stopped.wait()

    async def _stop(self, unit: _Unit, child: ChildProcess) -> None:
        component = unit.component
        if child.exit_code is None:
            self._enter(unit, "stopping")
            child.send(component.stop_signal)
            if not await self._ends(child, component.stop_timeout_s):
                self._display.show_status(component.name, "stopping", "did not stop in time; killing it")
                child.send(signal.SIGKILL)
                await child.exits_within(KILL_WAIT_S)
        child.kill_group()
        self._enter(unit, "stopped")

    async def _ends(self, child: ChildProcess, patience_s: float) -> bool:
        """Whether the child ends in time; `hurry` cuts the wait short."""
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline and not self._hurry.is_set():
            if await child.exits_within(SLOWEST_POLL_S):
                return True
        return child.exit_code is not None
