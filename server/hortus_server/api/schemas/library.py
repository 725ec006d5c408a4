"""Evolved tools, memories and models, as sent and received."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from hortus_agents.events import RecallReason
from hortus_agents.labels import Label, Sensitivity
from hortus_agents.spec import ToolMode
from hortus_agents.tools.capability import ToolPermissions
from hortus_agents.tools.port import InDoubtPolicy
from hortus_server.api.schemas.wire import Body, PageView, View
from hortus_server.domain.records import ToolOrigin, ToolState


class ToolView(View):
    """A line of versions of an evolved tool; `active_version` null means that no run uses it."""

    id: UUID
    name: str
    description: str
    active_version: int | None
    waiting_version: int | None = Field(default=None, description="the newest version that waits for a person")
    created_at: datetime
    updated_at: datetime


class ToolVersionView(View):
    """One version in a list."""

    id: UUID
    tool_id: UUID
    version: int
    state: ToolState
    state_reason: str | None = Field(default=None, description="why it is in this state, where that needs saying")
    description: str
    source_sha256: str
    permissions: ToolPermissions = Field(default_factory=ToolPermissions, description="what it declares")
    origin: ToolOrigin = Field(default="agent", description="an agent wrote it, or it was imported")
    origin_run_id: UUID | None = Field(description="run that wrote it")
    origin_step: int | None = Field(default=None, description="step of that run")
    uses: int
    failures: int
    created_at: datetime
    activated_at: datetime | None
    in_doubt: InDoubtPolicy = Field(description="what happens to a call whose worker died before it knew the result")


class ToolVersionDetailView(ToolVersionView):
    """One version with its schemas, source, tests and what the tests gave."""

    parameters: Mapping[str, Any]
    returns: Mapping[str, Any]
    function: str
    source: str
    tests: tuple[Mapping[str, Any], ...]
    test_report: Mapping[str, Any] | None
    scan_report: Mapping[str, Any] | None = Field(default=None, description="what the static scan found")
    negative_report: Mapping[str, Any] | None = Field(default=None, description="what hostile arguments did")
    origin_call_id: str | None


class ToolVersionsView(View):
    """All versions of a tool, newest first."""

    items: tuple[ToolVersionView, ...]


class ToolUseView(View):
    """One counted call of an evolved tool."""

    at: datetime
    version: int
    ok: bool
    run_id: UUID
    session_id: UUID
    agent_id: UUID


class ToolUsesView(View):
    """The latest uses first."""

    items: tuple[ToolUseView, ...]


class ToolDisable(Body):
    """Why; kept with the tool."""

    reason: str = Field(min_length=1, max_length=500, examples=["wrong for negative numbers"])


class ToolDoubtPolicy(Body):
    """What happens to a call of this version whose worker died before it knew the result."""

    policy: Literal["rerun", "ask"] = Field(
        description="run it again under the same id, or ask a person", examples=["ask"]
    )


class ToolPage(PageView[ToolView]):
    """Tools, newest first."""


class MemoryView(View):
    """An episode or note, with the part of a session's log that it came from."""

    id: UUID
    agent_id: UUID
    session_id: UUID
    run_id: UUID
    kind: Literal["episode", "note"]
    visibility: Literal["private", "tenant"]
    title: str
    content: str
    source_first_seq: int
    source_last_seq: int
    source_kept: bool = Field(description="false: these events are past their retention and gone")
    occurred_at: datetime
    created_at: datetime
    indexed_at: datetime | None = Field(description="null until a search can find it")
    label: Label | None = Field(
        description="of what its run had read: `trust` 0 is untrusted; null from before labels were kept: untrusted"
    )
    sensitivity_floor: Sensitivity | None = Field(
        default=None, description="what counts at least, by a person's word; null: what the label says"
    )


class MemoryPatch(Body):
    """Another text in place of what was remembered; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"content": "The invoice was paid on 3 May."}]})

    title: str | None = Field(default=None, max_length=120, pattern=r"\S")
    content: str | None = Field(default=None, max_length=20_000, pattern=r"\S")


class MemoryPage(PageView[MemoryView]):
    """Memories, newest first."""


class FoundMemoryView(View):
    """A hit; scores order the hits of one search and mean nothing across searches."""

    score: float
    why: RecallReason = Field(description="how near its meaning is, and which share of the words it holds")
    memory: MemoryView


class FoundMemoriesView(View):
    """Best first; `low_confidence` says that none of them may fit."""

    items: tuple[FoundMemoryView, ...]
    low_confidence: bool


class ModelView(View):
    """A model that agents may name."""

    name: str
    tool_mode: ToolMode
    is_default: bool = Field(description="whether the name `default` stands for it")
    context_tokens: int | None


class ModelsView(View):
    """The models behind the configured endpoint."""

    items: tuple[ModelView, ...]
