"""Errors of the embedded mode, each with what mends it in its message.

HortusError
└── EmbeddedError
    ├── HomeLockedError           another supervisor owns this home
    ├── HomeUnusableError         this home cannot be written
    ├── PlatformError             this machine lacks something that an embedded component needs
    ├── PortTakenError            a port that was asked for is in use
    ├── ToolFailedError           initdb, psql or the package downloader ended with an error
    ├── ComponentFailedError      a component could not be started, or kept dying
    └── WeightsError
        ├── UnknownModelError     no such model in the catalogue
        ├── SourceFailedError     one source could not give the file
        │   └── DigestMismatchError   it gave other bytes than the pinned ones
        └── WeightsUnavailableError   every source failed
"""

import errno
from collections.abc import Mapping, Sequence
from datetime import datetime

from hortus_server.domain.errors import HortusError


class EmbeddedError(HortusError):
    """Something that `hortus up` runs on this machine failed."""

    code = "embedded"


class HomeLockedError(EmbeddedError):
    """A supervisor already runs over this home; `pid` is None when its owner is not recorded."""

    code = "home_locked"

    def __init__(self, home: str, *, pid: int | None, started_at: datetime | None) -> None:
        who = f"process {pid}" if pid is not None else "another process"
        since = f" since {started_at:%Y-%m-%d %H:%M:%S} UTC" if started_at is not None else ""
        super().__init__(
            f"{home} is in use by {who}{since}; `hortus down` stops it, or set HORTUS_HOME to another folder"
        )
        self.pid = pid


class HomeUnusableError(EmbeddedError):
    """This home cannot be written: no room, no right, or a disk that is mounted for reading."""

    code = "home_unusable"

    def __init__(self, home: str, error: OSError) -> None:
        elsewhere = "or set HORTUS_HOME to another folder"
        told = {
            errno.ENOSPC: f"its disk is full; free some space, {elsewhere}",
            errno.EDQUOT: f"the quota of its disk is used up; free some space, {elsewhere}",
            errno.EROFS: f"its file system is mounted read-only; mount it for writing, {elsewhere}",
            errno.EACCES: f"this user may not write there; run as its owner, {elsewhere}",
            errno.EPERM: f"this user may not write there; run as its owner, {elsewhere}",
        }
        reason = told.get(error.errno or 0, f"{error.strerror or error}; mend that, {elsewhere}")
        super().__init__(f"{home} cannot be used: {reason}")


class PlatformError(EmbeddedError):
    """This machine lacks something that an embedded component needs."""

    code = "platform"


class PortTakenError(EmbeddedError):
    """A port that was asked for by number is in use."""

    code = "port_taken"

    def __init__(self, component: str, port: int) -> None:
        super().__init__(
            f"port {port} for {component} is taken on 127.0.0.1, perhaps by another `hortus up`; "
            "stop what uses it, or give another one (--port; 0 takes a free one)"
        )
        self.component = component
        self.port = port


class ToolFailedError(EmbeddedError):
    """A short-lived program ended with an error or ran past its time."""

    code = "tool_failed"

    def __init__(self, tool: str, *, exit_code: int | None, output: str) -> None:
        how = "ran past its time" if exit_code is None else f"ended with {exit_code}"
        super().__init__(f"{tool} {how}: {output.strip()[-2000:] or 'no output'}")
        self.tool = tool
        self.exit_code = exit_code


class ComponentFailedError(EmbeddedError):
    """A component could not be started, or kept dying until its restart policy gave up."""

    code = "component_failed"

    def __init__(self, component: str, reason: str, *, last_lines: Sequence[str] = ()) -> None:
        tail = "".join(f"\n  | {line}" for line in last_lines)
        super().__init__(f"{component}: {reason}{tail}")
        self.component = component
        self.last_lines = tuple(last_lines)


class WeightsError(EmbeddedError):
    """Model weights could not be had."""

    code = "weights"


class UnknownModelError(WeightsError):
    """No such model in the catalogue."""

    code = "unknown_model"

    def __init__(self, model_id: str, *, known: Sequence[str]) -> None:
        super().__init__(f"no model {model_id!r} in the catalogue; there are {', '.join(known)}")
        self.model_id = model_id


class SourceFailedError(WeightsError):
    """One source could not give the file; the next one is tried."""

    code = "source_failed"


class DigestMismatchError(SourceFailedError):
    """The bytes are not the pinned ones; they were thrown away."""

    code = "digest_mismatch"

    def __init__(self, name: str, *, expected: str, actual: str) -> None:
        super().__init__(f"{name} has sha256 {actual}, expected {expected}")
        self.expected = expected
        self.actual = actual


class WeightsUnavailableError(WeightsError):
    """Every source failed; `reasons` maps each source to what it said."""

    code = "weights_unavailable"

    def __init__(self, file: str, reasons: Mapping[str, str]) -> None:
        tried = "".join(f"\n  - {source}: {reason}" for source, reason in reasons.items())
        super().__init__(
            f"no source gave {file}:{tried}\n"
            "Instead, set HORTUS_MODEL_URL to any OpenAI-compatible endpoint, "
            "HORTUS_MODEL_FILE to a GGUF file on this machine, or HORTUS_MODELS_DIR to a folder that has it."
        )
        self.reasons = dict(reasons)
