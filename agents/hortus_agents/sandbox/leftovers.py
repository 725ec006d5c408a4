"""What a server killed with SIGKILL can leave on the host; the next one removes it."""

import tempfile
from contextlib import suppress
from pathlib import Path

import psutil

from hortus_agents.sandbox.gvisor import BUNDLE_PREFIX
from hortus_agents.sandbox.scratch import owner_is_alive, remove_folder
from hortus_agents.sandbox.tiers import INSIDE_PATH, SCRATCH_PREFIX


def remove_leftovers() -> None:
    """Delete folders of jails without a server, and half-made namespaces without their bwrap. Blocking."""
    _remove_scratch()
    _kill_orphans()


def _remove_scratch() -> None:
    for prefix in (SCRATCH_PREFIX, BUNDLE_PREFIX):
        for path in Path(tempfile.gettempdir()).glob(f"{prefix}*-*-*"):
            if not owner_is_alive(path, prefix):
                remove_folder(path)


def _kill_orphans() -> None:
    # bwrap's child waits for its parent before it asks the kernel to die with it: a bwrap that is killed within
    # that millisecond leaves a process that waits for good. It runs no code of ours, yet it is there.
    own_depth = _namespace_depth(psutil.Process().pid)
    for process in psutil.process_iter(["cmdline", "uids"]):
        with suppress(psutil.Error, OSError):
            if INSIDE_PATH not in (process.info["cmdline"] or ()) or process.info["uids"] != psutil.Process().uids():
                continue
            parent = process.parent()
            orphaned = parent is None or INSIDE_PATH not in parent.cmdline()
            if orphaned and _namespace_depth(process.pid) > own_depth:
                process.kill()


def _namespace_depth(pid: int) -> int:
    """In how many nested pid namespaces, from ours on, a process has an id."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    return next(len(line.split()) - 1 for line in status.splitlines() if line.startswith("NSpid:"))
