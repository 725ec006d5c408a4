import asyncio
import logging
import os
import signal
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Self

import psutil

from hortus_server.adapters.embedded import leash
from hortus_server.adapters.embedded.component import Command
from hortus_server.adapters.embedded.errors import ToolFailedError

MARKER_VARIABLE = "HORTUS_SUPERVISED_BY"
INHERITED = ("PATH", "PYTHONPATH", "HOME", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE")
# Read by `hortus up` alone; the settings of our own processes refuse variables that they do not know.
FOR_THE_SUPERVISOR = frozenset({"HORTUS_MODEL_FILE", "HORTUS_MODEL_HUB"})
LOG_FILE_BYTES = 8 * 1024 * 1024
LOG_FILES_KEPT = 2
LINE_BYTES = 16 * 1024
TAIL_LINES = 12
OUTPUT_DRAIN_S = 1.0

OnLine = Callable[[str], None]


def leashed(argv: tuple[str, ...], *, death_signal: signal.Signals, identity: str) -> list[str]:
    """The command line that runs `argv` so that it dies with this process, under `identity`."""
    options = [f"--parent={os.getpid()}", f"--death-signal={int(death_signal)}", f"--identity={identity}"]
    return [sys.executable, "-I", "-S", str(Path(leash.__file__)), *options, "--", *argv]


def child_environment(command: Command, marker: str) -> dict[str, str]:
    """What a child sees: the minimum, or all of ours if its command says so, and the mark of its home."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name in INHERITED or (command.inherit_env and name not in FOR_THE_SUPERVISOR)
    }
    return {**inherited, **command.env, MARKER_VARIABLE: marker}


class _RotatingFile(RotatingFileHandler):
    """A log file whose disk may fill up: what cannot be written is lost, and told on no terminal."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is logging's
        """Nothing: once per line would bury what the operator is to see."""


class LogFile:
    """A component's output on disk: at most three files of 8 MiB."""

    def __init__(self, path: Path) -> None:
        self._handler = _RotatingFile(
            path, maxBytes=LOG_FILE_BYTES, backupCount=LOG_FILES_KEPT, encoding="utf-8", delay=True
        )
        self._handler.setFormatter(logging.Formatter("%(message)s"))

    def append(self, line: str) -> None:
        """Write one line; a full disk does not stop the component."""
        self._handler.handle(logging.LogRecord("log", logging.INFO, "", 0, line, None, None))

    def close(self) -> None:
        """Release the file; what a full disk did not take is lost."""
        with suppress(OSError):
            self._handler.close()


class ChildProcess:
    """One leashed child in a process session of its own, its output read line by line.

    Spawn from the main thread only: the kernel's death signal is tied to the thread that forked.
    """

    def __init__(self, process: asyncio.subprocess.Process, created_at: float) -> None:
        self._process = process
        self.created_at = created_at
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)

    @classmethod
    async def spawn(cls, command: Command, *, marker: str, death_signal: signal.Signals) -> Self:
        """Start the command; its standard input is empty."""
        process = await asyncio.create_subprocess_exec(
            *leashed(command.argv, death_signal=death_signal, identity=command.identity),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=child_environment(command, marker),
            cwd=command.cwd,
            start_new_session=True,
        )
        try:
            created_at = psutil.Process(process.pid).create_time()
        except psutil.NoSuchProcess:
            created_at = 0.0
        return cls(process, created_at)

    @property
    def pid(self) -> int:
        """Also the id of the child's process group and of its POSIX session."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative for a signal."""
        return self._process.returncode

    async def wait(self) -> int:
        """Wait for its end."""
        return await self._process.wait()

    async def exits_within(self, seconds: float) -> bool:
        """Whether it has ended, waiting at most so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._process.wait()
        except TimeoutError:
            return False
        return True

    def send(self, number: signal.Signals) -> None:
        """Signal the child itself."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    def kill_group(self) -> None:
        """SIGKILL whatever is left of the child's process group."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    async def read_output(self, on_line: OnLine) -> None:
        """Hand over each line until the output ends; longer lines than 16 KiB are cut into pieces."""
        stream = self._process.stdout
        if stream is None:
            return
        pending = b""
        while chunk := await stream.read(LINE_BYTES):
            *lines, pending = (pending + chunk).split(b"\n")
            if len(pending) > LINE_BYTES:
                lines.append(pending)
                pending = b""
            for line in lines:
                self._emit(line, on_line)
        if pending:
            self._emit(pending, on_line)

    def _emit(self, raw: bytes, on_line: OnLine) -> None:
        line = raw.decode("utf-8", errors="replace").rstrip()
        if line:
            self.tail.append(line)
            on_line(line)


async def run_tool(command: Command, *, timeout_s: float, stdin: str = "") -> str:
    """Run a short-lived program to its end and return what it printed.

    It is killed when the caller is cancelled and when this process dies.

    Raises:
        ToolFailedError: It ended with an error or ran longer than `timeout_s`.
    """
    process = await asyncio.create_subprocess_exec(
        *leashed(command.argv, death_signal=signal.SIGKILL, identity=command.identity),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=child_environment(command, command.env.get(MARKER_VARIABLE, "")),
        cwd=command.cwd,
        start_new_session=True,
    )
    tool = Path(command.argv[0]).name
    try:
        async with asyncio.timeout(timeout_s):
            raw, _ = await process.communicate(stdin.encode())
    except TimeoutError as error:
        raise ToolFailedError(tool, exit_code=None, output="") from error
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    output = raw.decode("utf-8", errors="replace")
    if process.returncode != 0:
        raise ToolFailedError(tool, exit_code=process.returncode, output=output)
    return output
