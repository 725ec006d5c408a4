"""Tier 0: pure functions in an interpreter of their own (pydantic-monty), for hosts where no wall can be built.

The code is not run by CPython at all: a subset of Python, interpreted by a child process of Rust that offers no files,
no sockets, no processes and no modules beyond a few. What holds is that interpreter's correctness, and nothing behind
it: a fault in it has the server's rights. So nothing chooses this tier by itself.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any, Final

from hortus_agents.errors import SandboxError, SandboxUnavailableError
from hortus_agents.sandbox.calls import RunningCalls
from hortus_agents.sandbox.contract import (
    DEFAULT_LIMITS,
    NO_EXTRAS,
    CallExtras,
    SandboxLimits,
    SandboxOutcome,
    SandboxResult,
    TierName,
)

TIER: Final[TierName] = "interpreter"
MIB = 1024 * 1024
START_S = 10.0
GRACE_S = 1.0
REQUEST_BYTES = 4 * MIB
ERROR_CHARS = 4000
TIME_IS_UP = "TimeoutError: feed time limit exceeded"  # rather than an error of that kind which the code raised

SELF_CHECK = """
def check():
    walls = []
    try:
        open('/etc/passwd').read()
        walls.append('files of the host can be read')
    except Exception:
        pass
    try:
        import os
        os.system('id')
        walls.append('programs can be started')
    except Exception:
        pass
    try:
        import socket
        walls.append('there are sockets')
    except Exception:
        pass
    return walls
"""


def load_monty() -> ModuleType:
    """pydantic-monty, the extra `interpreter`.

    Raises:
        SandboxUnavailableError: It is not installed.
    """
    try:
        return import_module("pydantic_monty")
    except ImportError as exc:
        msg = "pydantic-monty is not installed"
        raise SandboxUnavailableError(msg) from exc


class InterpreterSandbox:
    """`Sandbox` of tier 0: functions only, no files, no tools, a fresh interpreter process for each call."""

    def __init__(self, pool: Any, monty: ModuleType, *, concurrency: int) -> None:
        self._pool = pool
        self._monty = monty
        self._slots = asyncio.Semaphore(concurrency)
        self._calls = RunningCalls()
        self._open = True

    @classmethod
    async def open(cls, *, concurrency: int) -> "InterpreterSandbox":
        """Start the interpreters' pool. Raises SandboxUnavailableError."""
        monty = load_monty()
        try:
            pool = monty.AsyncMonty(min_processes=1, max_processes=concurrency, max_checkouts_per_worker=1)
            async with asyncio.timeout(START_S):
                await pool.__aenter__()
        except (OSError, monty.MontyError, TimeoutError) as exc:
            raise SandboxUnavailableError(f"the interpreter could not be started: {exc}") from exc
        return cls(pool, monty, concurrency=concurrency)

    @property
    def tier(self) -> TierName:
        """The isolation in force."""
        return TIER

    async def run_function(
        self,
        source: str,
        *,
        function: str,
        arguments: Mapping[str, object],
        limits: SandboxLimits = DEFAULT_LIMITS,
        extras: CallExtras = NO_EXTRAS,
    ) -> SandboxResult:
        """See `Sandbox.run_function`. Files and tools are FORBIDDEN here: there is no way to offer them."""
        if not function.isidentifier() or not all(name.isidentifier() for name in arguments):
            raise SandboxError("the function and its arguments need names")
        if extras.outputs or extras.answer_tool is not None:
            return _result(SandboxOutcome.FORBIDDEN, error="tier 0 runs pure functions: no files, no tools")
        inputs = _checked(arguments)
        names = ", ".join(f"{name}=hortus_argument_{name}" for name in arguments)
        code = f"{source}\n{function}({names})\n"
        if len(code) > REQUEST_BYTES:
            raise SandboxError(f"the source has {len(code)} characters, at most {REQUEST_BYTES} are taken")
        named = {f"hortus_argument_{name}": value for name, value in inputs.items()}
        return await self._calls.run(lambda: self._serve(code, named, limits))

    async def run_script(
        self,
        source: str,  # noqa: ARG002
        *,
        limits: SandboxLimits = DEFAULT_LIMITS,  # noqa: ARG002
        extras: CallExtras = NO_EXTRAS,  # noqa: ARG002
    ) -> SandboxResult:
        """See `Sandbox.run_script`. FORBIDDEN: a script is no pure function."""
        return _result(SandboxOutcome.FORBIDDEN, error="tier 0 runs pure functions, no scripts")

    async def aclose(self) -> None:
        """End the interpreters, and the calls that they serve. A second call does nothing."""
        await self._calls.close()
        if self._open:
            self._open = False
            await self._pool.__aexit__(None, None, None)

    async def _serve(self, code: str, inputs: dict[str, Any], limits: SandboxLimits) -> SandboxResult:
        printed = self._monty.CollectString(max_bytes=limits.output_kib * 1024)
        bounds = {
            "max_feed_duration_secs": min(limits.wall_s, float(limits.cpu_s)),
            "max_memory": limits.memory_mib * MIB,
        }
        started = time.perf_counter()
        outcome, value, error = SandboxOutcome.OK, None, ""
        try:
            async with (
                self._slots,
                asyncio.timeout(limits.wall_s + GRACE_S),
                self._pool.checkout(limits=bounds) as session,
            ):
                value = await session.feed_run(code, inputs=inputs, print_callback=printed)
            outcome, value, error = _bounded(value, limits)
        except TimeoutError:
            outcome, error = SandboxOutcome.TIMEOUT, f"stopped after {limits.wall_s:g} s"
        except self._monty.MontyError as exc:
            outcome, error = _classify(exc, limits)
        duration_ms = (time.perf_counter() - started) * 1000
        return _result(outcome, value=value, stdout=printed.output, error=error, duration_ms=duration_ms)


def _checked(arguments: Mapping[str, object]) -> dict[str, Any]:
    try:
        copied: dict[str, Any] = json.loads(json.dumps(arguments, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as exc:
        raise SandboxError(f"the arguments are not JSON: {exc}") from exc
    return copied


def _bounded(value: Any, limits: SandboxLimits) -> tuple[SandboxOutcome, Any, str]:
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError) as exc:
        return SandboxOutcome.ERROR, None, f"the returned value is not JSON: {type(exc).__name__}: {exc}"
    if size > limits.output_kib * 1024:
        return SandboxOutcome.OUTPUT, None, f"the returned value has {size} bytes as JSON"
    return SandboxOutcome.OK, json.loads(text), ""  # as from any jail: lists for tuples, text for keys


def _classify(exc: Exception, limits: SandboxLimits) -> tuple[SandboxOutcome, str]:
    """Which of our outcomes an error of the interpreter is; it tells them apart by the names of Python's exceptions."""
    text = str(exc)
    with contextlib.suppress(TypeError, AttributeError):
        text = exc.display()  # type: ignore[attr-defined]  # with its traceback
    kind = str(exc).split(":", maxsplit=1)[0].strip()
    if type(exc).__name__ in {"MontyCrashedError", "MontyDisconnectError"}:
        return SandboxOutcome.CRASH, text[-ERROR_CHARS:]
    if str(exc).startswith(TIME_IS_UP):
        return SandboxOutcome.TIMEOUT, f"stopped after {min(limits.wall_s, limits.cpu_s):g} s"
    if kind == "MemoryError":
        full = str(exc).endswith(f"> {limits.output_kib * 1024} bytes")  # its bound on what is printed
        return (SandboxOutcome.OUTPUT if full else SandboxOutcome.MEMORY), text[-ERROR_CHARS:]
    if kind == "PermissionError":
        return SandboxOutcome.FORBIDDEN, text[-ERROR_CHARS:]
    return SandboxOutcome.ERROR, text[-ERROR_CHARS:]


def _result(
    outcome: SandboxOutcome, *, value: Any = None, stdout: str = "", error: str = "", duration_ms: float = 0.0
) -> SandboxResult:
    kept = value if outcome is SandboxOutcome.OK else None
    return SandboxResult(outcome, kept, stdout, error, duration_ms, TIER)
