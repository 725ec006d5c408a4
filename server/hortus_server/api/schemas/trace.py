"""The tree of what a run did, as it is sent."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from hortus_agents.limits import Spent
from hortus_agents.messages import Usage
from hortus_server.api.schemas.runs import RunView
from hortus_server.api.schemas.wire import View
from hortus_server.domain.trace import SpanKind, SpanState
from hortus_server.services.read_trace import Trace


class MemoryUseView(View):
    """A memory as it was shown to the model."""

    memory_id: UUID
    title: str
    score: float


class SpanView(View):
    """Something that took time, or a mark where `ended_at` equals `started_at`."""

    kind: SpanKind
    label: str
    detail: str
    state: SpanState
    step: int = Field(description="0 outside any step")
    started_at: datetime
    ended_at: datetime | None = Field(description="null: it goes on")
    duration_ms: float | None
    first_token_ms: float | None
    tokens: Usage | None
    cost_micros: int = Field(description="millionths of a unit of money")
    model: str | None
    purpose: str | None = Field(description="`act` is the agent's own call; evolution's calls name theirs")
    worker_id: str | None
    call_id: str | None
    tool_version_id: UUID | None
    attempt: int | None
    ref_id: UUID | None = Field(description="the approval, order or timer that is waited for")
    memories: tuple[MemoryUseView, ...]
    seqs: tuple[int, ...] = Field(description="numbers of the events behind it in the session's log")
    children: tuple["SpanView", ...]


class ToolVersionUsedView(View):
    """A version of an evolved tool that the run called or was given."""

    id: UUID
    name: str
    version: int


class TraceView(View):
    """A run as a tree. A long one comes in parts: ask again with `after` set to `next_after`."""

    run: RunView
    agent_version: int | None
    spent: Spent = Field(description="of the whole run")
    elapsed_s: float
    models: tuple[str, ...] = Field(description="of this part")
    tool_versions: tuple[ToolVersionUsedView, ...] = Field(description="of this part")
    spans: tuple[SpanView, ...]
    next_after: int | None = Field(description="null: this is the last part")
    events_removed: bool = Field(description="retention took the run's events: there is nothing left to show")


class CallRequestView(View):
    """A model call's request, built again from the log: messages, tools, schema, bounds."""

    exact: bool = Field(description="whether it is, byte for byte, what was sent")
    sha256: str = Field(description="digest of what was built")
    sent_sha256: str = Field(description="digest that was noted when the call was made")
    request: dict[str, Any]


def trace_view(trace: Trace) -> TraceView:
    """A trace as it is sent."""
    return TraceView(
        run=RunView.model_validate(trace.run),
        agent_version=trace.agent_version,
        spent=trace.spending.spent,
        elapsed_s=round(trace.spending.elapsed_s, 3),
        models=trace.models,
        tool_versions=tuple(ToolVersionUsedView.model_validate(one) for one in trace.tool_versions),
        spans=tuple(SpanView.model_validate(span) for span in trace.spans),
        next_after=trace.next_after,
        events_removed=trace.events_removed,
    )
