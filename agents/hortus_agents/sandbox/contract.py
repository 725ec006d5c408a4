"""What callers of the sandbox see: limits, outcomes and the port itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol, TypeAlias

JSON: TypeAlias = bool | int | float | str | list["JSON"] | dict[str, "JSON"] | None
TierName: TypeAlias = Literal["bubblewrap", "landlock"]

SCRATCH_MIB = 32  # the jailed code's only writable folder, all its files together


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
    """

    outcome: SandboxOutcome
    value: JSON
    stdout: str
    error: str
    duration_ms: float
    tier: TierName


@dataclass(frozen=True, slots=True)
class TierReport:
    """Whether a tier can hold model-written code on this host; `why` and `mend` are empty when it can."""

    tier: TierName
    ok: bool
    why: str = ""
    mend: str = ""


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
    ) -> SandboxResult:
        """Execute `source`, then call its `function` with `arguments` by keyword.

        Cancelling the call kills the jail before the cancellation goes on.

        Raises:
            SandboxError: The arguments are not JSON, the request is too large or no jail could be started.
        """
        ...

    async def run_script(self, source: str, *, limits: SandboxLimits = DEFAULT_LIMITS) -> SandboxResult:
        """Execute `source`; the value is the repr of its last expression, None where it ends otherwise.

        Raises:
            SandboxError: As for `run_function`.
        """
        ...

    async def aclose(self) -> None:
        """Kill every jail, busy or idle, and wait until they are gone."""
        ...
