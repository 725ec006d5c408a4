"""Rows as the server sees them: frozen, typed, without behaviour beyond their own facts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

from hortus_agents.events import WaitReason
from hortus_agents.labels import UNKNOWN, Label, Sensitivity
from hortus_agents.limits import RunLimits
from hortus_agents.spec import AgentSpec
from hortus_agents.tools.port import InDoubtPolicy
from hortus_server.domain.admission import Priority
from hortus_server.domain.ids import (
    AgentId,
    AgentVersionId,
    JobId,
    MemoryId,
    RunId,
    SessionId,
    TenantId,
    ToolId,
    ToolVersionId,
)

T = TypeVar("T")

RunStatus = Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled", "budget_exhausted"]
TERMINAL_STATUSES: frozenset[str] = frozenset({"succeeded", "failed", "cancelled", "budget_exhausted"})
ToolState = Literal["proposed", "quarantined", "tested", "active", "disabled", "rejected", "rolled_back"]
ToolOrigin = Literal["agent", "import"]
JobKind = Literal["remember_run", "index_tool", "check_tool"]
MessagePolicy = Literal["enqueue", "reject", "interrupt", "rollback"]
"""What a message does where runs of its session have not ended."""


@dataclass(frozen=True, slots=True)
class Agent:
    """A named line of versions; `current_version` is what new runs use."""

    id: AgentId
    tenant_id: TenantId
    name: str
    description: str
    current_version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class AgentVersion:
    """One immutable definition."""

    id: AgentVersionId
    tenant_id: TenantId
    agent_id: AgentId
    version: int
    spec: AgentSpec
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """A user's conversation and the owner of one event log; `last_seq` is the log's end.

    `message_policy` holds for messages that name none of their own. A fork tells where it came from.
    """

    id: SessionId
    tenant_id: TenantId
    agent_id: AgentId
    title: str
    metadata: Mapping[str, Any]
    last_seq: int
    created_at: datetime
    updated_at: datetime
    message_policy: MessagePolicy = "enqueue"
    forked_from_session_id: SessionId | None = None
    forked_from_seq: int | None = None


@dataclass(frozen=True, slots=True)
class ForkOrigin:
    """The place that a fork goes on from; the origin may be gone."""

    session_id: SessionId
    seq: int


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of an agent in a session; a projection of its events, kept for lists and claims.

    `waiting_for` says what a waiting run waits for, and is None otherwise. What was said in a run that was rolled back
    is no part of the conversation any more.
    """

    id: RunId
    tenant_id: TenantId
    session_id: SessionId
    agent_id: AgentId
    agent_version_id: AgentVersionId
    status: RunStatus
    queued_seq: int
    generation: int
    worker_id: str | None
    lease_until: datetime | None
    cancel_requested_at: datetime | None
    limits: RunLimits
    output: str | None
    error_code: str | None
    error_message: str | None
    total_tokens: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    pause_requested_at: datetime | None = None
    waiting_for: WaitReason | None = None
    rolled_back_at: datetime | None = None
    priority: Priority = "interactive"


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's right to write to a run until `lease_until`; every write carries the generation."""

    run: Run
    spec: AgentSpec
    agent_name: str
    agent_version: int
    generation: int
    lease_until: datetime


@dataclass(frozen=True, slots=True)
class LeaseSignal:
    """What the heartbeat learned about a run: still owned, and whether someone wants it stopped.

    `order_id` names the stop order behind `pause_reason` or `freeze_reason`; None where the run itself was paused.
    `policy_revision` counts the changes of the tenant's policies; only the signal before a call tells it.
    """

    run_id: RunId
    generation: int
    owned: bool
    cancel_requested: bool
    cancel_reason: str | None
    pause_reason: str | None = None
    freeze_reason: str | None = None
    order_id: UUID | None = None
    policy_revision: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One model call with its side effects, folded from events by the database."""

    run_id: RunId
    step: int
    started_at: datetime
    finished_at: datetime
    model_calls: int
    tool_calls: int
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class Tool:
    """A line of versions of an evolved tool. `waiting_version` is the newest that waits for a person."""

    id: ToolId
    tenant_id: TenantId
    name: str
    description: str
    active_version: int | None
    created_at: datetime
    updated_at: datetime
    waiting_version: int | None = None


@dataclass(frozen=True, slots=True)
class ToolVersion:
    """Source, schemas, tests and origin of one version.

    `scan_report` and `negative_report` are None where those gates never ran; `permissions` is what it declares.
    `label` is that of all that the run had read which wrote it; None where nobody knows, which counts as untrusted.
    """

    id: ToolVersionId
    tenant_id: TenantId
    tool_id: ToolId
    version: int
    state: ToolState
    description: str
    parameters: Mapping[str, Any]
    returns: Mapping[str, Any]
    function: str
    source: str
    source_sha256: str
    tests: tuple[Mapping[str, Any], ...]
    test_report: Mapping[str, Any] | None
    origin_run_id: RunId | None
    origin_call_id: str | None
    uses: int
    failures: int
    created_at: datetime
    activated_at: datetime | None
    in_doubt: InDoubtPolicy = "rerun"
    state_reason: str | None = None
    permissions: Mapping[str, Any] = field(default_factory=dict)
    scan_report: Mapping[str, Any] | None = None
    negative_report: Mapping[str, Any] | None = None
    origin: ToolOrigin = "agent"
    origin_step: int | None = None
    label: Label | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """An episode or note; the vector index holds a derived point under the same id.

    `source_kept` is False once retention has forgotten the events that it came from. `label` is that of all its run had
    read; None from before labels were kept, where nobody knows. `sensitivity_floor` is what a person has said by hand.
    """

    id: MemoryId
    tenant_id: TenantId
    agent_id: AgentId
    session_id: SessionId
    run_id: RunId
    kind: Literal["episode", "note"]
    visibility: Literal["private", "tenant"]
    title: str
    content: str
    source_first_seq: int
    source_last_seq: int
    occurred_at: datetime
    created_at: datetime
    indexed_at: datetime | None
    source_kept: bool = True
    label: Label | None = None
    sensitivity_floor: Sensitivity | None = None

    @property
    def counted_label(self) -> Label:
        """By which its reader is judged: the label, or what stands in for none, at least as sensitive as was said."""
        label = self.label or UNKNOWN
        return label.model_copy(update={"sensitivity": max(label.sensitivity, self.sensitivity_floor or 0)})


@dataclass(frozen=True, slots=True)
class Artifact:
    """A big payload, stored once by content hash."""

    sha256: str
    tenant_id: TenantId
    media_type: str
    size: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Job:
    """Work owed after a commit; the queue message only points at it."""

    id: JobId
    tenant_id: TenantId
    kind: JobKind
    subject_id: UUID
    attempts: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of a keyset listing; `next_cursor` is None on the last one."""

    items: tuple[T, ...]
    next_cursor: str | None
