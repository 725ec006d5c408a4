"""Worker and api processes that start within a moment: forked from an interpreter that has imported everything.

From the fork on they run what `python -m hortus_server.cli.process` runs. A storm of kills spends its time on what it
is about, not on imports. Run as a program, this is that interpreter: a line of JSON for each process to start.
"""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
Ready = Callable[["WarmChild"], bool]


class Zygote:
    """The client's side of the warm interpreter."""

    def __init__(self, process: "subprocess.Popen[str]", log: Path) -> None:
        self._process = process
        self._log = log

    def fork(self, kind: str, env: Mapping[str, str], log: Path) -> int:
        """Start a process; its id."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"kind": kind, "env": dict(env), "log": str(log)}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"the warm interpreter is gone\n{self._log.read_text()}"
        return int(answer)


@contextmanager
def open_zygote(env: Mapping[str, str], start: Callable[[Callable[[], Any]], Any], log: Path) -> Iterator[Zygote]:
    """A warm interpreter; `start` runs a function on the thread whose end would end its processes."""

    def spawn() -> "subprocess.Popen[str]":
        with log.open("ab") as err:
            return subprocess.Popen(
                [sys.executable, __file__], env=dict(env), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err,
                text=True,
            )  # fmt: skip

    process = start(spawn)
    try:
        yield Zygote(process, log)
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


class WarmChild:
    """What a `Child` of a stack is, but quick to start."""

    def __init__(
        self, name: str, kind: str, *, zygote: Zygote, env: Mapping[str, str], folder: Path, ready: Ready, url: str = ""
    ) -> None:
        self.name = name
        self.url = url
        self.log = folder / f"{name}.log"
        self.env = dict(env)
        self.pid = 0
        self.ready = ready
        self._kind = kind
        self._zygote = zygote
        self._log_start = 0

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, 0)
            return self.pid > 0
        return False

    def text(self) -> str:
        """What the present start has logged."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def start(self) -> "WarmChild":
        """Start; does not wait until it is ready."""
        assert not self.alive, f"{self.name} runs already"
        self.log.touch()
        self._log_start = self.log.stat().st_size
        self.pid = self._zygote.fork(self._kind, self.env, self.log)
        return self

    def signal(self, which: signal.Signals) -> None:
        """Send a signal, if it still runs."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, which)

    def kill(self) -> int:
        """SIGKILL, as the stack asks for at its end."""
        self.signal(signal.SIGKILL)
        return -signal.SIGKILL


def serve() -> None:
    """Fork for each line of standard input, until its end."""
    process, *_ = [import_module(f"hortus_server.{name}") for name in ("cli.process", "asgi", "celery_app")]

    own = os.getpid()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(asked, parent=own)
            process.main()
            os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def _become(asked: Mapping[str, Any], *, parent: int) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDONLY)
    log = os.open(asked["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.environ.clear()
    os.environ.update(asked["env"])
    sys.argv = ["hortus", asked["kind"]]


if __name__ == "__main__":
    serve()
