"""What is said on a stream: the server's frames (WebSocket and SSE alike) and the client's."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, cast
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from hortus_agents.events import Event
from hortus_server.api.errors import Problem
from hortus_server.api.event_json import encode_event
from hortus_server.api.schemas.approvals import Answer, ApprovalView, Why
from hortus_server.api.schemas.runs import Content, Foreign, LimitsPatch, Policy, RunView, SteerContent
from hortus_server.domain.admission import Priority
from hortus_server.ports.live import PartialMessage, TokenDelta
from hortus_server.ports.retention import Gap

IdempotencyKey = Annotated[str | None, Field(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]
FrameId = Annotated[str, Field(min_length=1, max_length=100)] | int


class Frame(BaseModel):
    """A frame; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class EventFrame(Frame):
    """A committed event; its `seq` is the cursor to come back with."""

    type: Literal["event"] = "event"
    event: Event


class DeltaFrame(Frame):
    """A piece of an answer that is being written; `index` is its offset in Unicode code points."""

    type: Literal["delta"] = "delta"
    session_id: UUID
    message_id: UUID
    index: int
    text: str


class SnapshotFrame(Frame):
    """All that was written so far of a message; replaces what the client has of it."""

    type: Literal["snapshot"] = "snapshot"
    session_id: UUID
    message_id: UUID
    text: str


class GapFrame(Frame):
    """Events that were asked for and are no longer kept; the stream goes on behind them."""

    type: Literal["gap"] = "gap"
    session_id: UUID
    first: int = Field(alias="from")
    last: int = Field(alias="to")
    reason: str


class HeartbeatFrame(Frame):
    """The connection is alive; nothing else happened."""

    type: Literal["heartbeat"] = "heartbeat"
    at: datetime


class ErrorFrame(Frame):
    """Something went wrong that answers no frame of the client; `session_id` if it ended one subscription only."""

    type: Literal["error"] = "error"
    problem: Problem
    session_id: UUID | None = None


class ReplyFrame(Frame):
    """The one answer to a client's frame. `run` answers what was asked of a run, `problem` why not.

    `run_id`, `session_id`, `message_id` and `seq` answer `steer`: where the message stands in the log.
    """

    type: Literal["reply"] = "reply"
    id: FrameId | None
    ok: bool
    problem: Problem | None = None
    run: RunView | None = None
    approval: ApprovalView | None = None
    run_id: UUID | None = None
    session_id: UUID | None = None
    message_id: UUID | None = None
    seq: int | None = None


ServerFrame = Annotated[
    EventFrame | DeltaFrame | SnapshotFrame | GapFrame | HeartbeatFrame | ErrorFrame | ReplyFrame,
    Field(discriminator="type"),
]


class Command(Frame):
    """A client's frame; `id` comes back in its reply."""

    id: FrameId


class AuthCommand(Command):
    """Present an API key, as the first frame, where no header could carry it."""

    type: Literal["auth"]
    key: str = Field(min_length=1, max_length=200)


class SubscribeCommand(Command):
    """Follow a session from above `after`."""

    type: Literal["subscribe"]
    session_id: UUID
    after: int = Field(default=0, ge=0, le=2**63 - 1)


class UnsubscribeCommand(Command):
    """Stop following a session."""

    type: Literal["unsubscribe"]
    session_id: UUID


class StartCommand(Command):
    """Submit a run, as `POST /v1/runs` does; on a session's own stream `session_id` defaults to that session."""

    type: Literal["start"]
    input: Content
    foreign: Foreign = None
    agent: str | None = Field(default=None, min_length=1, max_length=200)
    session_id: UUID | None = None
    limits: LimitsPatch = Field(default_factory=LimitsPatch)
    priority: Priority = "interactive"
    message_policy: Policy = None
    idempotency_key: IdempotencyKey = None


class SteerCommand(Command):
    """Tell a run something while it works; its next model call sees it."""

    type: Literal["steer"]
    run_id: UUID
    content: SteerContent
    foreign: Foreign = None
    idempotency_key: IdempotencyKey = None


class CancelCommand(Command):
    """Stop a run."""

    type: Literal["cancel"]
    run_id: UUID
    reason: str = Field(default="cancelled by the caller", min_length=1, max_length=500)


class PauseCommand(Command):
    """Park a run until it is resumed."""

    type: Literal["pause"]
    run_id: UUID
    reason: str = Field(default="paused by the caller", min_length=1, max_length=500)


class ResumeCommand(Command):
    """Let a paused or frozen run go on."""

    type: Literal["resume"]
    run_id: UUID
    reason: str = Field(default="resumed by the caller", min_length=1, max_length=500)


class ApproveCommand(Command):
    """Let the call happen that an approval names."""

    type: Literal["approve"]
    approval_id: UUID
    reason: Why = ""


class DenyCommand(Command):
    """Refuse the call that an approval names."""

    type: Literal["deny"]
    approval_id: UUID
    reason: Why = ""


class AnswerCommand(Command):
    """Answer the question that a run waits for."""

    type: Literal["answer"]
    run_id: UUID
    answer: Answer


class PingCommand(Command):
    """Ask for a sign of life."""

    type: Literal["ping"]


ClientFrame = Annotated[
    AuthCommand
    | SubscribeCommand
    | UnsubscribeCommand
    | StartCommand
    | SteerCommand
    | CancelCommand
    | PauseCommand
    | ResumeCommand
    | ApproveCommand
    | DenyCommand
    | AnswerCommand
    | PingCommand,
    Field(discriminator="type"),
]
CLIENT_FRAME: TypeAdapter[Any] = TypeAdapter(cast("Any", ClientFrame))  # whether mypy takes a union here
SERVER_FRAME: TypeAdapter[Any] = TypeAdapter(cast("Any", ServerFrame))  # hangs on its cache


def encode(item: Event | TokenDelta | PartialMessage | Gap, session_id: UUID) -> tuple[str, str]:
    """An item of a stream as (frame type, JSON)."""
    match item:
        case Event():
            return "event", f'{{"type":"event","event":{encode_event(item)}}}'
        case TokenDelta(message_id=message_id, index=index, text=text):
            return "delta", frame("delta", session_id=session_id, message_id=message_id, index=index, text=text)
        case PartialMessage(message_id=message_id, text=text):
            return "snapshot", frame("snapshot", session_id=session_id, message_id=message_id, text=text)
        case Gap(first=first, last=last, reason=reason):
            return "gap", frame("gap", session_id=session_id, **{"from": first, "to": last}, reason=reason)


def heartbeat() -> str:
    """A heartbeat of now."""
    return frame("heartbeat", at=datetime.now(UTC))


def frame(kind: str, **fields: Any) -> str:
    """A frame as JSON."""
    return orjson.dumps({"type": kind, **fields}).decode()
