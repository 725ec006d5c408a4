"""Files that runs have made, as received."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from hortus_server.api.schemas.wire import View


class RunFileView(View):
    """A file that a run's code made, or the whole of a tool's result that was cut for the model.

    Its bytes are at `/v1/runs/{run_id}/files/{seq}/{name}`, as untrusted as the code that wrote them.
    """

    seq: int = Field(description="number of the call's `tool.finished` in the session's log")
    at: datetime
    call_id: str
    tool: str
    kind: Literal["file", "result"]
    name: str
    sha256: str
    size: int = Field(description="bytes")


class RunFilesView(View):
    """In the order of the calls."""

    items: tuple[RunFileView, ...]
    next_after: int | None = Field(description="`after` of the next part; null: that was all")
