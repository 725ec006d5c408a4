import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

Probe = Callable[[], Awaitable[None]]
"""Raises while the component is not ready or not well; returns None when it is."""

ComponentStatus = Literal[
    "preparing",
    "waiting",
    "starting",
    "ready",
    "unhealthy",
    "restarting",
    "stopping",
    "stopped",
    "failed",
    "external",
]


@dataclass(frozen=True, slots=True)
class Transfer:
    """How far a long piece of work is; sizes in bytes."""

    name: str
    done_bytes: int
    total_bytes: int


class Display(Protocol):
    """Where a supervisor shows what happens; must not block for long and must not raise."""

    def show_line(self, component: str, line: str) -> None:
        """Show one line that a component printed."""

    def show_status(self, component: str, status: ComponentStatus, detail: str) -> None:
        """Show that a component entered a state."""

    def show_transfer(self, transfer: Transfer) -> None:
        """Show progress; `done_bytes == total_bytes` ends it."""


Prepare = Callable[[Display], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A program to run.

    `env` is added to a minimal environment, or to the supervisor's whole one with `inherit_env`.
    `identity` is `self`, `UID:GID`, or `userns` (an unprivileged user of a new user namespace).
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    inherit_env: bool = False
    cwd: Path | None = None
    identity: str = "self"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPolicy:
    """Exponential backoff between restarts, and when to give up.

    The count of failures starts again after a component was ready for `reset_after_s`. An exit with a code of
    `hopeless` is not tried again: what it says would be said again.
    """

    initial_s: float = 0.5
    factor: float = 2.0
    max_s: float = 15.0
    max_failures: int = 7
    reset_after_s: float = 60.0
    hopeless: frozenset[int] = frozenset()

    def delay_s(self, failures: int) -> float:
        """Seconds to wait after the given number of failures in a row."""
        return min(self.max_s, self.initial_s * self.factor ** max(0, failures - 1))


async def _always_ready() -> None:
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One thing that a supervisor starts, checks, restarts and stops.

    `prepare` runs once, before and beside the start of what it depends on: downloads, initdb.
    A component without a command is done when it is prepared.
    `uses` names what it calls but does not wait for at the start; like what it depends on, that is stopped after it.
    `after_start` runs once at the first readiness, before dependents start.
    `death_signal` is what the kernel sends when the supervisor itself is killed.
    With `required=False` a failure is shown and the rest goes on.
    """

    name: str
    command: Command | None = None
    depends_on: frozenset[str] = frozenset()
    uses: frozenset[str] = frozenset()
    prepare: Prepare | None = None
    ready: Probe = _always_ready
    healthy: Probe | None = None
    after_start: Probe | None = None
    url: str = ""
    port: int | None = None
    ready_timeout_s: float = 60.0
    probe_timeout_s: float = 5.0
    health_interval_s: float = 5.0
    max_missed_checks: int = 6
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 10.0
    death_signal: signal.Signals = signal.SIGKILL
    restart: RestartPolicy = field(default_factory=RestartPolicy)
    required: bool = True
