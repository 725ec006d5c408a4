import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import psutil

from hortus_server.adapters.embedded.component import Component, ComponentStatus, Display
from hortus_server.adapters.embedded.errors import EmbeddedError, HomeUnusableError
from hortus_server.adapters.embedded.home import HortusHome
from hortus_server.adapters.embedded.plan import (
    EXTERNAL_URLS,
    EmbeddedOptions,
    embedded_components,
    without_credentials,
)
from hortus_server.adapters.embedded.ports import LOOPBACK, PortBook
from hortus_server.adapters.embedded.probes import check_tcp, check_url
from hortus_server.adapters.embedded.state import ComponentRecord, SupervisorState, clean_leftovers
from hortus_server.adapters.embedded.supervisor import Supervisor
from hortus_server.domain.errors import UnavailableError

DOWN_TIMEOUT_S = 45.0
POLL_S = 0.1
PROBE_TIMEOUT_S = 2.0

AppComponents = Callable[[Mapping[str, str], PortBook], Sequence[Component]]
"""Makes our own processes' components from the environment that finds everything, and the kept ports."""

OnReady = Callable[[Mapping[str, str]], Awaitable[None]]
"""Called once with that environment when everything is ready: prints the URL, makes the first key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRow:
    """One component as `hortus status` shows it; `answers` is None where there is nothing to ask."""

    name: str
    status: ComponentStatus
    detail: str = ""
    url: str = ""
    pid: int | None = None
    answers: bool | None = None
    uptime: timedelta | None = None
    rss_bytes: int | None = None
    restarts: int = 0


async def run_up(
    options: EmbeddedOptions,
    *,
    app_components: AppComponents,
    display: Display,
    on_ready: OnReady | None = None,
) -> None:
    """Run everything until SIGINT, SIGTERM or SIGHUP; a second signal kills what has not stopped by then.

    Must be called on the main thread. What a killed supervisor left behind is stopped first.

    Raises:
        HomeLockedError: A supervisor runs already.
        HomeUnusableError: The home cannot be written.
        EmbeddedError: A required component failed; everything was stopped.
    """
    home = options.home
    try:
        home.create()
        await _run_locked(options, app_components=app_components, display=display, on_ready=on_ready)
    except OSError as error:
        # Components tell their own; what is left is the home: its folders, lock, ports, secrets.
        raise HomeUnusableError(str(home.root), error) from error


async def _run_locked(
    options: EmbeddedOptions, *, app_components: AppComponents, display: Display, on_ready: OnReady | None
) -> None:
    home = options.home
    with home.locked(now=datetime.now(UTC)):
        left = SupervisorState.load(home.state_file)
        cleaned = await asyncio.to_thread(clean_leftovers, left, marker=home.marker)
        if cleaned:
            display.show_line("supervisor", f"stopped {len(cleaned)} processes of a killed supervisor: {cleaned}")
        plan = await embedded_components(options)
        ours = app_components(plan.environment, PortBook(home.run / "ports.json"))
        if unknown := (options.only or frozenset()) - {*EXTERNAL_URLS, *(component.name for component in ours)}:
            known = ", ".join((*EXTERNAL_URLS, *(component.name for component in ours)))
            raise EmbeddedError(f"no such component: {', '.join(sorted(unknown))}; there are {known}")
        components = [*plan.components, *_wanted(ours, options.only)]
        supervisor = Supervisor(_without_missing(components), home=home, display=display)
        stop = asyncio.Event()

        def on_signal() -> None:
            if stop.is_set():
                supervisor.hurry()
            else:
                display.show_line("supervisor", "stopping; steps under way get time to end, a second signal ends them")
            stop.set()

        async def announce() -> None:
            if on_ready is not None:
                await on_ready(plan.environment)

        loop = asyncio.get_running_loop()
        # A closed terminal stops everything in order too, unless `nohup` asked to stay.
        ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        numbers = (signal.SIGINT, signal.SIGTERM, *(() if ignored else (signal.SIGHUP,)))
        for number in numbers:
            loop.add_signal_handler(number, on_signal)
        try:
            await supervisor.run(stop, on_ready=announce)
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)


def _wanted(components: Sequence[Component], only: frozenset[str] | None) -> list[Component]:
    return [component for component in components if only is None or component.name in only]


def _without_missing(components: Sequence[Component]) -> list[Component]:
    """Drop dependencies on what is external or was not asked for."""
    names = {component.name for component in components}
    return [replace(component, depends_on=component.depends_on & names) for component in components]


async def read_status(options: EmbeddedOptions) -> list[StatusRow]:
    """What runs under this home, and the external components; each is asked for an answer.

    Works without a lock and with no supervisor running.
    """
    state = SupervisorState.load(options.home.state_file)
    running = state is not None and state.supervisor.find() is not None
    records = state.components.values() if state is not None else ()
    rows = [await _row(record, running=running) for record in records]
    known = {row.name for row in rows}
    for name, variable in EXTERNAL_URLS.items():
        if name in known:
            continue
        if url := options.external.get(variable):
            answers = await _answers(check_url(url))
            rows.append(StatusRow(name=name, status="external", url=without_credentials(url), answers=answers))
        else:
            rows.append(StatusRow(name=name, status="stopped"))
    return rows


async def _row(record: ComponentRecord, *, running: bool) -> StatusRow:
    process = record.process.find() if record.process is not None else None
    alive = process is not None
    status = record.status if running or alive else "stopped"
    detail = record.detail if record.detail != record.url else ""
    if alive and not running:
        detail = "left behind by a killed supervisor; `hortus down` or the next `hortus up` stops it"
    answers = None
    if alive and record.port is not None:
        answers = await _answers(check_tcp(LOOPBACK, record.port, timeout_s=PROBE_TIMEOUT_S))
    return StatusRow(
        name=record.name,
        status=status,
        detail=detail,
        url=record.url,
        pid=process.pid if process is not None else None,
        answers=answers,
        uptime=datetime.now(UTC) - record.started_at if alive and record.started_at else None,
        rss_bytes=_rss(process),
        restarts=record.restarts,
    )


def _rss(process: psutil.Process | None) -> int | None:
    """Resident memory of a process and its children; shared pages count for each."""
    if process is None:
        return None
    total = 0
    try:
        for one in (process, *process.children(recursive=True)):
            total += one.memory_info().rss
    except psutil.Error:
        return total or None
    return total


async def _answers(check: Awaitable[None]) -> bool:
    try:
        await check
    except UnavailableError:
        return False
    return True


async def stop_running(home: HortusHome, *, timeout_s: float = DOWN_TIMEOUT_S) -> bool:
    """Stop the supervisor of this home and wait for its end; clean up if it was killed before.

    A supervisor that does not stop in time is killed, and what it ran is stopped.

    Returns:
        Whether anything was running.
    """
    if not home.run.exists():
        return False
    state = SupervisorState.load(home.state_file)
    supervisor = state.supervisor.find() if state is not None else None
    if supervisor is not None and state is not None:
        supervisor.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + timeout_s
        # Another process sets no event of ours.
        while state.supervisor.find() is not None and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)
        if (stuck := state.supervisor.find()) is not None:
            stuck.kill()
    left = SupervisorState.load(home.state_file)
    cleaned = await asyncio.to_thread(clean_leftovers, left, marker=home.marker)
    home.state_file.unlink(missing_ok=True)
    return supervisor is not None or bool(cleaned)
