"""The tree of what a run did: run, steps, and in them model calls, tool calls and what those did in turn.

The kinds and states are those of the admin UI's timeline, and `wait` and `approval` beside them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from hortus_agents.events import Event
from hortus_agents.messages import Usage

SpanKind = Literal["queue", "wait", "step", "model", "tool", "approval", "memory", "capability", "run"]
SpanState = Literal["ok", "failed", "running", "note"]

LONGEST_LABEL: Final = 80


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """A memory as it was shown to the model."""

    memory_id: UUID
    title: str
    score: float


@dataclass(slots=True)
class Span:
    """Something that took time, or a mark where `ended_at` equals `started_at`; `ended_at` None goes on still.

    `step` is 0 outside any step. `attempt` counts how often a tool call or a candidate was tried. `ref_id` names what
    a wait is for: an approval, an order, a timer. `seqs` are the numbers of the events behind it in the session's log.
    """

    kind: SpanKind
    label: str
    step: int
    started_at: datetime
    ended_at: datetime | None = None
    state: SpanState = "note"
    detail: str = ""
    duration_ms: float | None = None
    first_token_ms: float | None = None
    tokens: Usage | None = None
    cost_micros: int = 0
    model: str | None = None
    purpose: str | None = None
    worker_id: str | None = None
    call_id: str | None = None
    tool_version_id: UUID | None = None
    attempt: int | None = None
    ref_id: UUID | None = None
    memories: Sequence[MemoryUse] = ()
    seqs: list[int] = field(default_factory=list)
    children: list["Span"] = field(default_factory=list)

    def end(self, at: datetime, state: SpanState) -> None:
        """It is over; a duration that an event told stands, since the events of a step may be committed together."""
        self.ended_at = at
        self.state = state
        if self.duration_ms is None:
            self.duration_ms = (at - self.started_at).total_seconds() * 1000


@dataclass(frozen=True, slots=True)
class ToolVersionUsed:
    """A version of an evolved tool that the run called or was given."""

    id: UUID
    name: str
    version: int


@dataclass(slots=True)
class TraceTree:
    """What was seen so far, in the order of the events.

    `spans` are the top of the tree, `called` the names of tool versions that were called, `known` those of which events
    tell. `step`, `queue` (or a wait) and `call` are the last that began; `asked` are approvals by id.
    """

    spans: list[Span] = field(default_factory=list)
    models: dict[str, None] = field(default_factory=dict)
    called: dict[UUID, str] = field(default_factory=dict)
    known: dict[UUID, ToolVersionUsed] = field(default_factory=dict)
    step: Span | None = None
    queue: Span | None = None
    call: Span | None = None
    asked: dict[UUID, Span] = field(default_factory=dict)

    def enter(self, event: Event) -> None:
        """Open the step of an event, which may have begun before what this was given."""
        if event.step == 0 or (self.step is not None and self.step.step == event.step):
            return
        self.leave(event.at)
        self.step = Span("step", f"step {event.step}", event.step, event.at, state="running")
        self.spans.append(self.step)

    def leave(self, at: datetime) -> None:
        """Nothing of the step goes on."""
        self.call = None
        if self.step is not None and self.step.ended_at is None:
            self.step.end(at, "ok")

    def add(self, event: Event, kind: SpanKind, label: str, *, within: bool = True, **more: Any) -> Span:
        """Under the call that is under way, the step, or the run; a mark unless it is said when it ends."""
        more.setdefault("started_at", event.at)
        more.setdefault("ended_at", more["started_at"])
        shown = label if len(label) <= LONGEST_LABEL else f"{label[: LONGEST_LABEL - 1]}…"
        span = Span(kind, shown, event.step, **more)
        span.seqs.append(event.seq)
        self._place(event, within=within).append(span)
        return span

    def _place(self, event: Event, *, within: bool) -> list[Span]:
        if event.step == 0 or self.step is None:
            return self.spans
        if within and self.call is not None and self.call.ended_at is None:
            return self.call.children
        return self.step.children
