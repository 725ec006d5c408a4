"""Tier 2: jailed interpreters in gVisor, a kernel of their own in user space, where the host has its `runsc`."""

import json
import os
import shutil
import tempfile
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

from hortus_agents.errors import SandboxUnavailableError
from hortus_agents.sandbox.contract import SCRATCH_MIB, TierName
from hortus_agents.sandbox.interpreter import READABLE_EXTRAS, SYSTEM_LIBRARIES, Interpreter, locate_interpreter
from hortus_agents.sandbox.tiers import INSIDE, INSIDE_PATH, PYTHON_FLAGS, Launch, jail_config, jail_environment

NOBODY = 65534
BUNDLE_PREFIX = "hortus-runsc-"


class GVisorTier:
    """One container of `runsc` a call: no network, no capabilities, read-only files, scratch in memory.

    The kernel that the code talks to is gVisor's; inside it the interpreter takes our seccomp filter besides. `runsc`
    starts processes outside our group, so the end of a call also deletes the container by its name.
    """

    name: ClassVar[TierName] = "gvisor"

    @cached_property
    def _runsc(self) -> str:
        found = shutil.which("runsc")
        if found is None:
            raise SandboxUnavailableError("no runsc executable: gVisor is not installed")
        return found

    def prepare(self) -> Launch:
        """A bundle (an OCI configuration over an empty root) and the command that runs it."""
        runsc, container = self._runsc, f"hortus-{uuid4().hex}"
        bundle = Path(tempfile.mkdtemp(prefix=f"{BUNDLE_PREFIX}{os.getpid()}-"))
        (bundle / "rootfs").mkdir()
        (bundle / "state").mkdir()
        (bundle / "config.json").write_text(json.dumps(oci_config(locate_interpreter())), "utf-8")
        options = ("--root", str(bundle / "state"), "--network=none", "--host-uds=none", "--ignore-cgroups")
        rootless = () if os.geteuid() == 0 else ("--rootless",)
        base = (runsc, *options, *rootless)
        return Launch(
            argv=(*base, "run", "--bundle", str(bundle), container),
            environment={"PATH": os.defpath},
            removed=bundle,
            ending=(*base, "delete", "--force", container),
        )


def oci_config(python: Interpreter) -> dict[str, Any]:
    """What the container is: an OCI runtime configuration (spec 1.1)."""
    stdlib = f"/python/lib/python{python.version}"
    mounts = [_bound(path, path) for path in (*SYSTEM_LIBRARIES, *READABLE_EXTRAS) if Path(path).is_dir()]
    mounts += [
        _bound(str(python.executable), f"/python/bin/python{python.version}"),
        _bound(str(python.stdlib), stdlib),
        *({**_in_memory(f"{stdlib}/{name}", 1), "options": ["ro"]} for name in python.third_party),
        _bound(str(INSIDE), INSIDE_PATH),
        _in_memory("/scratch", SCRATCH_MIB),
        _in_memory("/dev", 1),
    ]
    if python.shared_library is not None:
        mounts.append(_bound(str(python.shared_library), f"/python/lib/{python.shared_library.name}"))
    variables = jail_environment("/scratch") | {"LD_LIBRARY_PATH": "/python/lib"}
    return {
        "ociVersion": "1.1.0",
        "hostname": "sandbox",
        "root": {"path": "rootfs", "readonly": True},
        "process": {
            "terminal": False,
            "user": {"uid": NOBODY, "gid": NOBODY},
            "args": [f"/python/bin/python{python.version}", *PYTHON_FLAGS, INSIDE_PATH, jail_config()],
            "env": [f"{name}={value}" for name, value in variables.items()],
            "cwd": "/scratch",
            "noNewPrivileges": True,
            "capabilities": {},
        },
        "mounts": mounts,
        "linux": {
            "namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")],
            "maskedPaths": ["/proc"],
        },
    }


def _bound(source: str, target: str) -> dict[str, Any]:
    return {"destination": target, "type": "bind", "source": source, "options": ["rbind", "ro", "nosuid", "nodev"]}


def _in_memory(target: str, mib: int) -> dict[str, Any]:
    options = ["nosuid", "nodev", f"size={mib}m"]
    return {"destination": target, "type": "tmpfs", "source": "tmpfs", "options": options}
