"""The parts of a test stack: child processes that can be killed and come back, and the scripted model's controls."""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import httpx
from zygote import Forked, warm

START_S = 400.0  # a busy machine; an idle one takes ten
STOP_S = 60.0
WITHIN_S = 60.0  # a busy machine; whatever is awaited takes an idle one a second
POLL_S = 0.05
PORTS = (20_000, 32_000)
TAIL = 4000  # characters of a log in a failure's message

Ready = Callable[["Child"], bool]
T = TypeVar("T")


def free_port() -> int:
    """A loopback port that nothing listens on, and that no other test is given while this process lives.

    It lies below those that the kernel takes for connections: what listens there may start late, and come back.
    """
    while True:
        port = random.SystemRandom().randrange(*PORTS)
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0hortus-test-port-{port}")
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
        else:
            claim.detach()  # the claim ends with this process
            return port


def until(condition: Callable[[], object], *, within_s: float = WITHIN_S, why: Callable[[], str] = lambda: "") -> None:
    """Block until `condition()` is true; fails with `why()` after `within_s`."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s: {why()}")
        time.sleep(POLL_S)


def freeze(pid: int) -> None:
    """SIGSTOP, and wait until no thread of it runs any more: a busy machine takes its time to stop one."""
    os.kill(pid, signal.SIGSTOP)
    tasks = Path(f"/proc/{pid}/task")
    until(
        lambda: all(stat.read_text().rpartition(")")[2].split()[0] == "T" for stat in tasks.glob("*/stat")),
        within_s=STOP_S,
        why=lambda: f"{pid} does not stop",
    )


class Spawner:
    """Starts processes on one thread that lives as long as the stack.

    The kernel's death signal, which keeps a killed test run from leaving processes behind, follows the thread that
    started a process; with a thread of its own any other thread may restart one.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="stack-spawner")

    def call(self, function: Callable[[], T]) -> T:
        """Run `function` there and wait."""
        return self._pool.submit(function).result()

    def close(self) -> None:
        """End the thread, and with it whatever process it started that still runs."""
        self._pool.shutdown()


class Child:
    """One process: `start`, `stop` (SIGTERM), `kill` (SIGKILL), `restart`, `freeze` and `thaw`; a log across starts."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        folder: Path,
        spawner: Spawner,
        ready: Ready,
        url: str = "",
        kind: str | None = None,
    ) -> None:
        self.name = name
        self.url = url
        self.log = folder / f"{name}.log"
        self.env = dict(env)
        self._argv = _bound_to_parent(argv)
        self._kind = kind  # of our own processes; those are forked
        self._spawner = spawner
        self._ready = ready
        self._process: subprocess.Popen[bytes] | Forked | None = None
        self._log_start = 0

    @property
    def pid(self) -> int:
        """Process id of the present start."""
        assert self._process is not None, f"{self.name} was never started"
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def text(self) -> str:
        """What the present start has logged."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def start(self, *, wait: bool = True) -> "Child":
        """Start, and wait until it is ready unless told not to."""
        assert not self.alive, f"{self.name} runs already"

        def spawn() -> subprocess.Popen[bytes] | Forked:
            with self.log.open("ab") as log:
                self._log_start = log.tell()
                if self._kind is not None:
                    return warm().fork(self._kind, self.env, self.log)
                return subprocess.Popen(self._argv, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

        self._process = self._spawner.call(spawn)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, *, within_s: float = START_S) -> None:
        """Block until it is ready; fails with the log's end if it died or takes too long."""
        until(
            lambda: not self.alive or self._ready(self),
            within_s=within_s,
            why=lambda: f"{self.name} is not ready\n{self.text()[-TAIL:]}",
        )
        assert self.alive, f"{self.name} ended with {self._process and self._process.returncode}\n{self.text()[-TAIL:]}"

    def stop(self) -> int:
        """SIGTERM; its exit status. Fails if it has not ended in time."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """SIGKILL; returns once it is gone."""
        return self._end(signal.SIGKILL)

    def restart(self, how: signal.Signals = signal.SIGTERM) -> "Child":
        """End it by `how` and start it again under the same address."""
        self._end(how)
        return self.start()

    def freeze(self) -> None:
        """SIGSTOP: it keeps its sockets and does nothing."""
        freeze(self.pid)

    def thaw(self) -> None:
        """SIGCONT after `freeze`."""
        os.kill(self.pid, signal.SIGCONT)

    def _end(self, how: signal.Signals) -> int:
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(how)
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(STOP_S)
                raise AssertionError(f"{self.name} did not end\n{self.text()[-TAIL:]}") from None
        return self._process.returncode


def _bound_to_parent(argv: Sequence[str]) -> list[str]:
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", *argv] if setpriv else list(argv)


def logged(*needles: str) -> Ready:
    """Ready once the log holds one of these texts."""
    return lambda child: any(needle in child.text() for needle in needles)


def answers(path: str) -> Ready:
    """Ready once a GET of this path answers 200."""

    def ready(child: Child) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{child.url}{path}", timeout=5, trust_env=False).status_code == 200
        return False

    return ready


class ScriptedModelControl:
    """The scripted model of a stack, steered over its own HTTP routes (docs/guides/scripted-model.md)."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url, timeout=60, trust_env=False)

    def script(self, *rules: Mapping[str, Any], default: Mapping[str, Any] | None = None) -> None:
        """Answer from these rules from now on; counts start anew and every hold is closed."""
        body = {"rules": list(rules), **({"default": default} if default else {})}
        self._post("script", body)

    def release(self, hold: str) -> int:
        """Let what waits at this hold go on; how many did."""
        return int(self._post("release", {"hold": hold})["released"])

    def hold(self, hold: str) -> None:
        """Close a hold again."""
        self._post("hold", {"hold": hold})

    def requests(self, *, after: int = -1) -> list[dict[str, Any]]:
        """The recorded model requests with a number above `after`, oldest first."""
        answer = self._http.get("/_scripted/requests", params={"after": after}).raise_for_status()
        found: list[dict[str, Any]] = answer.json()["requests"]
        return found

    def until_requests(self, count: int, *, within_s: float = 60.0) -> None:
        """Block until so many requests have come since the last `forget`."""
        until(lambda: len(self.requests()) >= count, within_s=within_s, why=lambda: f"{len(self.requests())} requests")

    def forget(self) -> None:
        """Empty the list of requests."""
        self._http.delete("/_scripted/requests").raise_for_status()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _post(self, what: str, body: Mapping[str, Any]) -> dict[str, Any]:
        answer = self._http.post(f"/_scripted/{what}", json=body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found
