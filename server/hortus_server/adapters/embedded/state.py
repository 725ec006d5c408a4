import os
from collections.abc import Iterable
from pathlib import Path

import psutil
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from hortus_server.adapters.embedded.component import ComponentStatus
from hortus_server.adapters.embedded.home import write_private
from hortus_server.adapters.embedded.process import MARKER_VARIABLE

IDENTITY_TOLERANCE_S = 0.05


class ProcessIdentity(BaseModel):
    """A process id together with its start time, so that a reused id is never taken for the old process."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    pid: int
    created_at_s: float

    @classmethod
    def of_this_process(cls) -> "ProcessIdentity":
        """The caller's own identity."""
        return cls(pid=os.getpid(), created_at_s=psutil.Process().create_time())

    def find(self) -> psutil.Process | None:
        """The process if it still lives and is the same one; a zombie counts as dead."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created_at_s) < IDENTITY_TOLERANCE_S
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return None


class ComponentRecord(BaseModel):
    """What the supervisor last knew about one component."""

    model_config = ConfigDict(extra="ignore")

    name: str
    status: ComponentStatus
    detail: str = ""
    process: ProcessIdentity | None = None
    port: int | None = None
    url: str = ""
    started_at: AwareDatetime | None = None
    restarts: int = 0
    stop_signal: int = 15


class SupervisorState(BaseModel):
    """The content of `run/state.json`; URLs in it carry no credentials."""

    model_config = ConfigDict(extra="ignore")

    supervisor: ProcessIdentity
    started_at: AwareDatetime
    components: dict[str, ComponentRecord] = {}

    @classmethod
    def load(cls, path: Path) -> "SupervisorState | None":
        """Read the state; None where there is none or where it is not readable as one."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def save(self, path: Path) -> None:
        """Replace the file at once."""
        write_private(path, self.model_dump_json(indent=1))


def marked_processes(marker: str) -> list[psutil.Process]:
    """Every process started under the home with this mark, except this one and its ancestors.

    PostgreSQL overwrites its environment with its process title: it is known by its record alone.
    """
    spared = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            marked = process.pid not in spared and process.environ().get(MARKER_VARIABLE) == marker
            if marked and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
            continue
    return found


def _signal_all(processes: Iterable[psutil.Process], signals: dict[int, int], default: int) -> None:
    for process in processes:
        try:
            process.send_signal(signals.get(process.pid, default))
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue


def clean_leftovers(state: SupervisorState | None, *, marker: str, patience_s: float = 8.0) -> list[int]:
    """Stop what a killed supervisor left behind: each by its own stop signal, then by SIGKILL.

    Leftovers are stopped and not adopted: their output pipes died with the former supervisor. A process
    is a leftover if it is recorded with the same start time or carries the mark of this home. Blocks up
    to `patience_s` plus two seconds.

    Returns:
        The ids of the processes that were stopped.
    """
    signals: dict[int, int] = {}
    found = {process.pid: process for process in marked_processes(marker)}
    for record in state.components.values() if state else ():
        if record.process is not None and (process := record.process.find()) is not None:
            found[process.pid] = process
            signals[process.pid] = record.stop_signal
    if not found:
        return []
    _signal_all(found.values(), signals, default=15)
    _, alive = psutil.wait_procs(list(found.values()), timeout=patience_s)
    # A process may have forked meanwhile, so the mark is looked for once more.
    _signal_all([*alive, *marked_processes(marker)], {}, default=9)
    psutil.wait_procs(alive, timeout=2.0)
    return sorted(found)
