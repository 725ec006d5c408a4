"""Tier 2: jailed interpreters in gVisor, a kernel of their own in user space, where the host has its `runsc`."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

from hortus_agents.errors import SandboxUnavailableError
from hortus_agents.sandbox.contract import SCRATCH_MIB, TierName
from hortus_agents.sandbox.interpreter import READABLE_EXTRAS, SYSTEM_LIBRARIES, Interpreter, locate_interpreter
from hortus_agents.sandbox.scratch import make_folder
from hortus_agents.sandbox.tiers import INSIDE, INSIDE_PATH, PYTHON_FLAGS, Launch, jail_config, jail_environment

NOBODY = 65534
BUNDLE_PREFIX = "hortus-bundle-"
ASKED_S = 5.0
# How `runsc` can catch the code's system calls, the best first. KVM comes last: nested, or without its kernel
# module's help, it hangs rather than fails.
PLATFORMS = ("systrap", "ptrace", "kvm")
# What gVisor would put there of its own, and what only the code's own scratch folder may be.
HIDDEN = ("/proc", "/sys", "/tmp", "/dev/shm")  # noqa: S108  # folders of the container


def offered_platforms() -> tuple[str, ...]:
    """What this host's `runsc` was built with, the best first. Blocking.

    Raises:
        SandboxUnavailableError: There is no `runsc`, or it does not answer.
    """
    told = _ask(find_runsc(), "help", "platforms").split()
    return tuple(platform for platform in PLATFORMS if platform in told)


def runsc_version() -> str:
    """As it calls itself. Blocking. Raises SandboxUnavailableError."""
    return _ask(find_runsc(), "--version").partition("\n")[0].removeprefix("runsc version ").strip()


def find_runsc() -> str:
    """Its path. Raises SandboxUnavailableError."""
    found = shutil.which("runsc")
    if found is None:
        raise SandboxUnavailableError("no runsc executable: gVisor is not installed")
    return found


def _ask(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ASKED_S, check=True, env={})
    except (OSError, subprocess.SubprocessError) as exc:
        raise SandboxUnavailableError(f"{command[0]} does not answer: {exc}") from exc
    return done.stdout


class GVisorTier:
    """One container of `runsc` a call: no network, no capabilities, read-only files, scratch in memory.

    The kernel that the code talks to is gVisor's; inside it the interpreter takes our seccomp filter besides.
    """

    name: ClassVar[TierName] = "gvisor"

    def __init__(self, platform: str) -> None:
        self.platform = platform

    @cached_property
    def _launcher(self) -> tuple[str, ...]:
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            raise SandboxUnavailableError("no setpriv executable (util-linux), which ties runsc to this process")
        # The container dies with `runsc run`, and that with us.
        return (setpriv, "--pdeathsig", "KILL", find_runsc())

    def prepare(self) -> Launch:
        """A bundle (an OCI configuration over a nearly empty root) and the command that runs it."""
        launcher, container = self._launcher, f"hortus-{uuid4().hex}"
        bundle = make_folder(BUNDLE_PREFIX)
        (bundle / "state").mkdir()
        (bundle / "rootfs").mkdir()
        folders, links = system_folders()
        for link, target in links:
            (bundle / "rootfs" / link.lstrip("/")).symlink_to(target)
        (bundle / "config.json").write_text(json.dumps(oci_config(locate_interpreter(), folders)), "utf-8")
        rootless = () if os.geteuid() == 0 else ("--rootless",)
        options = (
            *("--root", str(bundle / "state"), f"--platform={self.platform}"),
            *("--network=none", "--host-uds=none", "--overlay2=none", "--ignore-cgroups"),
            # Nobody else changes what is mounted while a call lasts: no need to look again at each access.
            *("--file-access-mounts=exclusive", *rootless),
        )
        return Launch(
            argv=(*launcher, *options, "run", "--bundle", str(bundle), container),
            environment={"PATH": os.defpath},
            removed=bundle,
            ending=(launcher[-1], *options, "delete", "--force", container),
            has_host_threads=False,
        )


def system_folders() -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Folders of the system's libraries, each once, and the names that are links to others (`/lib` to `usr/lib`)."""
    folders, links = [], []
    for path in (*SYSTEM_LIBRARIES, *READABLE_EXTRAS):
        if Path(path).is_symlink():
            links.append((path, str(Path(path).readlink())))
        elif Path(path).is_dir():
            folders.append(path)
    return tuple(folders), tuple(links)


def oci_config(python: Interpreter, folders: Sequence[str]) -> dict[str, Any]:
    """What the container is: an OCI runtime configuration (spec 1.1)."""
    stdlib = f"/python/lib/python{python.version}"
    mounts = [_bound(path, path) for path in folders]
    mounts += [
        _bound(str(python.executable), f"/python/bin/python{python.version}"),
        _bound(str(python.stdlib), stdlib),
        *(_empty(f"{stdlib}/{name}") for name in python.third_party),
        _bound(str(INSIDE), INSIDE_PATH),
        _in_memory("/scratch", SCRATCH_MIB),
        *(_empty(folder) for folder in HIDDEN),
    ]
    if python.shared_library is not None:
        mounts.append(_bound(str(python.shared_library), f"/python/lib/{python.shared_library.name}"))
    variables = jail_environment("/scratch") | {"LD_LIBRARY_PATH": "/python/lib"}
    config = jail_config(counts_threads=True)
    return {
        "ociVersion": "1.1.0",
        "hostname": "sandbox",
        "root": {"path": "rootfs", "readonly": True},
        "process": {
            "terminal": False,
            "user": {"uid": NOBODY, "gid": NOBODY},
            "args": [f"/python/bin/python{python.version}", *PYTHON_FLAGS, INSIDE_PATH, config],
            "env": [f"{name}={value}" for name, value in variables.items()],
            "cwd": "/scratch",
            "noNewPrivileges": True,
            "capabilities": {},
        },
        "mounts": mounts,
        "linux": {"namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")]},
    }


def _bound(source: str, target: str) -> dict[str, Any]:
    return {"destination": target, "type": "bind", "source": source, "options": ["rbind", "ro", "nosuid", "nodev"]}


def _in_memory(target: str, mib: int) -> dict[str, Any]:
    options = ["nosuid", "nodev", f"size={mib}m"]
    return {"destination": target, "type": "tmpfs", "source": "tmpfs", "options": options}


def _empty(target: str) -> dict[str, Any]:
    """A folder with nothing in it, which the code can neither write nor list."""
    options = ["ro", "nosuid", "nodev", "mode=700"]
    return {"destination": target, "type": "tmpfs", "source": "tmpfs", "options": options}
