"""Sessions, as sent and received."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ConfigDict, Field

from hortus_server.api.schemas.runs import Content, Foreign, LimitsPatch, Policy
from hortus_server.api.schemas.wire import Body, PageView, View
from hortus_server.domain.admission import Priority
from hortus_server.domain.records import MessagePolicy, Session

Metadata = dict[str, Any]


class SessionCreate(Body):
    """A conversation with an agent, by id or by name."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"agent": "converter", "title": "Numbers", "metadata": {"customer": "4711"}}]}
    )

    agent: str = Field(min_length=1, max_length=200)
    title: str = Field(default="", max_length=200)
    metadata: Metadata = Field(default_factory=dict, max_length=50, description="the caller's own notes, up to 50 keys")
    message_policy: MessagePolicy = Field(
        default="enqueue", description="what a message does while a run has not ended, where it does not say so itself"
    )


class MessageCreate(Body):
    """A user's message; it starts a run."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"content": "What is MCMXCIV?"}]})

    content: Content
    foreign: Foreign = None
    limits: LimitsPatch = Field(default_factory=LimitsPatch)
    message_policy: Policy = None
    priority: Priority = Field(default="interactive", description="batch runs give way to interactive ones")


class SessionFork(Body):
    """Where to go on from."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"at_seq": 12}]})

    at_seq: int | None = Field(
        default=None, ge=1, le=2**63 - 1, description="the last event that counts; null: the log's end"
    )
    title: str | None = Field(default=None, max_length=200, description="null: the origin's")


class SessionView(View):
    """A conversation, the owner of one event log; `last_seq` is the log's end."""

    id: UUID
    agent_id: UUID
    title: str
    metadata: Metadata
    message_policy: MessagePolicy = "enqueue"
    forked_from_session_id: UUID | None = Field(default=None, description="the origin of a fork; it may be gone")
    forked_from_seq: int | None = None
    last_seq: int
    created_at: datetime
    updated_at: datetime


def session_json(session: Session) -> dict[str, Any]:
    """A session as it is sent."""
    return SessionView.model_validate(session).model_dump(mode="json")


class SessionPage(PageView[SessionView]):
    """Sessions, newest first."""
