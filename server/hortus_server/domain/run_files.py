"""What runs leave besides words."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

RESULT_NAME: Final = "_result.txt"  # of a file: none that code declares begins like that


@dataclass(frozen=True, slots=True)
class RunFile:
    """Bytes that a run's tool call left: a file that its code made, or the whole of a result that was cut.

    `seq` is the number of the call's end in the session's log; with `name` it names the file within its run.
    """

    seq: int
    at: datetime
    call_id: str
    tool: str
    kind: Literal["file", "result"]
    name: str
    sha256: str
    size: int
