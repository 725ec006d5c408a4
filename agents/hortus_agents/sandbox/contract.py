"""What callers of the sandbox see: limits, outcomes and the port itself."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, Protocol, TypeAlias

JSON: TypeAlias = bool | int | float | str | list["JSON"] | dict[str, "JSON"] | None
TierName: TypeAlias = Literal["gvisor", "bubblewrap", "landlock", "interpreter"]

TIER_LEVELS: Mapping[TierName, int] = {"gvisor": 2, "bubblewrap": 1, "landlock": 1, "interpreter": 0}
"""2: a kernel of its own. 1: namespaces or Landlock, over the host's kernel. 0: an interpreter, and no wall besides."""

SCRATCH_MIB = 32  # the jailed code's only writable folder, all its files together
OUTPUT_FILES = 16
OUTPUT_FILE_KIB = 1024
OUTPUT_FILES_KIB = 4096  # all of a call together
TOOL_CALLS = 32  # that one jailed call may make
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)

AnswerTool: TypeAlias = Callable[[str, Mapping[str, Any]], Awaitable[str]]
"""Answers a call of a granted tool from inside the jail; raises ToolError with what the code is told instead."""


class SandboxOutcome(StrEnum):
    """How a jailed call ended. Everything but OK carries a reason in `SandboxResult.error`."""

    OK = "ok"
    ERROR = "error"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    OUTPUT = "output"
    CRASH = "crash"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True)
class SandboxLimits:
    """Bounds of one call.

    Attributes:
        wall_s: Seconds from the hand-over of the request to its result.
        cpu_s: Seconds of CPU time of the whole call.
        memory_mib: Address space of the jailed interpreter, itself included (about 40 MiB).
        output_kib: Bound on stdout and, separately, on the JSON of the result.
        processes: Threads alive at once. New processes are refused whatever this says.
        file_mib: Size of one file; the scratch folder as a whole holds `SCRATCH_MIB`.
    """

    wall_s: float = 10.0
    cpu_s: int = 10
    memory_mib: int = 256
    output_kib: int = 256
    processes: int = 16
    file_mib: int = 8


DEFAULT_LIMITS = SandboxLimits()


@dataclass(frozen=True, slots=True)
class CallExtras:
    """What a call may do beyond returning a value; nothing by default.

    Attributes:
        outputs: Files in the scratch folder that come back, by plain names; what is not declared is lost.
        answer_tool: Answers the code's `call_tool(name, **arguments)`; None: there is no such function inside.
        observe: Note what the code touches besides computing: files, processes, sockets.
    """

    outputs: tuple[str, ...] = ()
    answer_tool: AnswerTool | None = None
    observe: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError for names that are no plain file names."""
        bad = [name for name in self.outputs if not FILE_NAME.fullmatch(name)]
        if bad or len(self.outputs) > OUTPUT_FILES:
            raise ValueError(
                f"at most {OUTPUT_FILES} outputs, each a plain file name of letters, digits, '._-': {bad[:3]}"
            )


NO_EXTRAS = CallExtras()


@dataclass(frozen=True, slots=True)
class SandboxResult:
    """What one jailed call gave back.

    All of it but `outcome` in {TIMEOUT, OUTPUT, CRASH}, `duration_ms` and `tier` is the jailed code's own claim:
    code that reaches into the runner can return any value, as it could by `return`. A verdict about
    jailed code must therefore be computed outside, from `value`.

    Attributes:
        value: The returned JSON value; None unless the outcome is OK.
        stdout: stdout and stderr of the code, as one text, cut at the output limit.
        error: A traceback of the code's own frames (its own line numbers), or the reason of a stop.
        duration_ms: From the hand-over of the request to its result.
        tier: The tier that held the call.
        files: Declared outputs that the code has made, by name.
        touched: With `observe`, what the code reached for besides computing, as `event argument`.
    """

    outcome: SandboxOutcome
    value: JSON
    stdout: str
    error: str
    duration_ms: float
    tier: TierName
    files: Mapping[str, bytes] = field(default_factory=dict)
    touched: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TierReport:
    """Whether a tier can hold model-written code on this host; `why` and `mend` are empty when it can.

    `how` says by what, where there is a choice: `runsc 20260101.0 on systrap`.
    """

    tier: TierName
    ok: bool
    why: str = ""
    mend: str = ""
    how: str = ""


class Sandbox(Protocol):
    """Runs untrusted Python, each call in a fresh jail of its own."""

    @property
    def tier(self) -> TierName:
        """The isolation in force."""
        ...

    async def run_function(
        self,
        source: str,
        *,
        function: str,
        arguments: Mapping[str, object],
        limits: SandboxLimits = DEFAULT_LIMITS,
        extras: CallExtras = NO_EXTRAS,
    ) -> SandboxResult:
        """Execute `source`, then call its `function` with `arguments` by keyword.

        Cancelling the call kills the jail before the cancellation goes on.

        Raises:
            SandboxError: The arguments are not JSON, the request is too large or no jail could be started.
        """
        ...

    async def run_script(
        self, source: str, *, limits: SandboxLimits = DEFAULT_LIMITS, extras: CallExtras = NO_EXTRAS
    ) -> SandboxResult:
        """Execute `source`; the value is the repr of its last expression, None where it ends otherwise.

        Raises:
            SandboxError: As for `run_function`.
        """
        ...

    async def aclose(self) -> None:
        """Kill every jail, busy or idle, and wait until they are gone."""
        ...
