"""Api, worker and beat processes that start within a moment: forked from an interpreter that has imported everything.

From the fork on they run what `python -m hortus_server.cli.process` runs; a test spends its time on what it is about,
not on five seconds of imports for each process. Run as a program, this is that interpreter: a line of JSON for each
process to start or to ask about. `hortus up`, the compose file and the pool are tested with processes from scratch.
"""

import atexit
import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
CLOSE_S = 30.0
POLL_S = 0.02


class Forked:
    """A process of the warm interpreter, to be handled as a `Popen` is."""

    def __init__(self, zygote: "Zygote", pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._zygote = zygote

    def poll(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        if self.returncode is None:
            self.returncode = self._zygote.ask({"poll": self.pid})
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Block until it has ended; raises TimeoutExpired."""
        give_up_at = time.monotonic() + (timeout if timeout is not None else float("inf"))
        while (status := self.poll()) is None:
            if time.monotonic() > give_up_at:
                raise subprocess.TimeoutExpired(["hortus"], timeout or 0)
            time.sleep(POLL_S)
        return status

    def send_signal(self, which: signal.Signals) -> None:
        """Send a signal, if it still runs."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, which)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


class Zygote:
    """The client's side of the warm interpreter; any thread may use it."""

    def __init__(self) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - as long as this process
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True
        )
        self._asking = threading.Lock()  # protects the two pipes: an answer belongs to the question before it

    def fork(self, kind: str, env: Mapping[str, str], log: Path) -> Forked:
        """Start `api`, `worker` or `beat` with this environment alone; it appends what it says to the log."""
        return Forked(self, self.ask({"fork": kind, "env": dict(env), "log": str(log)}))

    def ask(self, question: Mapping[str, Any]) -> Any:
        """The answer of the other side."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._asking:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        if not answer:
            self._log.seek(0)
            raise AssertionError(f"the warm interpreter is gone\n{self._log.read().decode(errors='replace')}")
        return json.loads(answer)

    def close(self) -> None:
        """End it, and with it whatever process still runs."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(CLOSE_S)
        self._process.stdout.close()
        self._log.close()


@cache
def warm() -> Zygote:
    """The one of this process."""
    zygote = Zygote()
    atexit.register(zygote.close)
    return zygote


def serve() -> None:
    """Answer each line of standard input, until its end."""
    process, *_ = [import_module(f"hortus_server.{name}") for name in ("cli.process", "asgi", "celery_app")]
    own = os.getpid()
    for line in sys.stdin:
        asked = json.loads(line)
        if "poll" in asked:
            answer = _status(asked["poll"])
        elif (answer := os.fork()) == 0:
            _become(asked, parent=own)
            _run(process.main)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _run(main: Callable[[], None]) -> None:
    """As an interpreter's end, less the destructors of C++: those of the parent's threads abort here."""
    status = 0
    try:
        main()
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 - as the interpreter does
        traceback.print_exc()
        status = 1
    threading._shutdown()  # type: ignore[attr-defined]  # waits for those that are no daemons
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _status(pid: int) -> int | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def _become(asked: Mapping[str, Any], *, parent: int) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    null = os.open(os.devnull, os.O_RDONLY)
    log = os.open(asked["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.environ.clear()
    os.environ.update(asked["env"])
    sys.path[1:1] = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    sys.argv = ["hortus", asked["fork"]]


if __name__ == "__main__":
    serve()
