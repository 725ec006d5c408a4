"""What services need of the durable store: a unit of work over small repositories.

Every method that reads or writes tenant data takes the tenant; a row of another tenant is as absent as one that
never was. Nothing is visible to others before the unit of work's block ends without an exception.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from hortus_agents.events import Event, NewEvent
from hortus_agents.limits import RunLimits
from hortus_agents.spec import AgentSpec
from hortus_server.domain.ids import AgentId, JobId, KeyId, MemoryId, RunId, SessionId, TenantId, ToolId, ToolVersionId
from hortus_server.domain.records import (
    Agent,
    AgentVersion,
    ApiKey,
    Artifact,
    Claim,
    Job,
    JobKind,
    LeaseSignal,
    Memory,
    Page,
    Run,
    RunStatus,
    Scope,
    Session,
    Step,
    Tenant,
    Tool,
    ToolState,
    ToolVersion,
)


class PageRequest(Protocol):
    """Keyset paging: newest first, at most `limit` (1..200) items, after `cursor`."""

    limit: int
    cursor: str | None


class TenantRepository(Protocol):
    """Tenants and their keys."""

    async def ensure_tenant(self, name: str) -> Tenant:
        """The tenant of this name, made if it does not exist."""
        ...

    async def add_key(
        self,
        tenant_id: TenantId,
        *,
        name: str,
        prefix: str,
        secret_sha256: bytes,
        scopes: Sequence[Scope],
        expires_at: datetime | None,
    ) -> ApiKey:
        """Store a key by its hash."""
        ...

    async def find_key(self, secret_sha256: bytes) -> ApiKey | None:
        """The key with this hash, revoked and expired ones included."""
        ...

    async def touch_key(self, key_id: KeyId) -> None:
        """Note that the key was used; at most once a minute is written."""
        ...

    async def list_keys(self, tenant_id: TenantId) -> tuple[ApiKey, ...]:
        """All keys of a tenant, newest first."""
        ...

    async def revoke_key(self, tenant_id: TenantId, key_id: KeyId) -> ApiKey | None:
        """Revoke; None when there is no such key."""
        ...


class AgentRepository(Protocol):
    """Agents and their immutable versions."""

    async def add(
        self, tenant_id: TenantId, *, name: str, description: str, spec: AgentSpec
    ) -> tuple[Agent, AgentVersion]:
        """A new agent with version 1. Raises ConflictError when the name is taken."""
        ...

    async def add_version(self, tenant_id: TenantId, agent_id: AgentId, spec: AgentSpec) -> AgentVersion:
        """The next version, made current. Raises NotFoundError."""
        ...

    async def pin(self, tenant_id: TenantId, agent_id: AgentId, version: int) -> Agent:
        """Make an existing version current (roll back, roll forward). Raises NotFoundError."""
        ...

    async def get(self, tenant_id: TenantId, key: AgentId | str) -> Agent:
        """By id or by name. Raises NotFoundError."""
        ...

    async def get_version(self, tenant_id: TenantId, agent_id: AgentId, version: int) -> AgentVersion:
        """Raises NotFoundError."""
        ...

    async def list(self, tenant_id: TenantId, page: PageRequest) -> Page[Agent]:
        """Newest first."""
        ...

    async def list_versions(self, tenant_id: TenantId, agent_id: AgentId, page: PageRequest) -> Page[AgentVersion]:
        """Newest first."""
        ...


class SessionRepository(Protocol):
    """Conversations."""

    async def add(self, tenant_id: TenantId, *, agent_id: AgentId, title: str, metadata: Mapping[str, Any]) -> Session:
        """A new session with an empty log."""
        ...

    async def get(self, tenant_id: TenantId, session_id: SessionId) -> Session:
        """Raises NotFoundError."""
        ...

    async def list(self, tenant_id: TenantId, page: PageRequest, *, agent_id: AgentId | None = None) -> Page[Session]:
        """Newest first."""
        ...

    async def delete(self, tenant_id: TenantId, session_id: SessionId) -> tuple[MemoryId, ...]:
        """Delete the session, its log, runs and derived memories; returns the memories' ids for the index.

        Raises NotFoundError, and ConflictError while a run is not terminal.
        """
        ...


class RunRepository(Protocol):
    """Runs as rows: claims, leases, lists."""

    async def add(
        self,
        tenant_id: TenantId,
        *,
        run_id: RunId,
        session_id: SessionId,
        version: AgentVersion,
        limits: RunLimits,
        queued_seq: int,
    ) -> Run:
        """A queued run."""
        ...

    async def get(self, tenant_id: TenantId, run_id: RunId) -> Run:
        """Raises NotFoundError."""
        ...

    async def list(
        self,
        tenant_id: TenantId,
        page: PageRequest,
        *,
        session_id: SessionId | None = None,
        agent_id: AgentId | None = None,
        status: RunStatus | None = None,
    ) -> Page[Run]:
        """Newest first."""
        ...

    async def steps(self, tenant_id: TenantId, run_id: RunId) -> tuple[Step, ...]:
        """In order. Raises NotFoundError."""
        ...

    async def claim(self, run_id: RunId, *, worker_id: str, lease: timedelta) -> Claim | None:
        """Take the run if it is queued, or running under an expired lease, and the first unfinished of its session."""
        ...

    async def renew(
        self, worker_id: str, held: Sequence[tuple[RunId, int]], *, lease: timedelta
    ) -> tuple[LeaseSignal, ...]:
        """Extend the leases still owned; one signal for each held (run, generation), in the same order."""
        ...

    async def request_cancel(self, tenant_id: TenantId, run_id: RunId, *, reason: str) -> Run:
        """Mark for cancellation; idempotent; a terminal run stays as it is. Raises NotFoundError."""
        ...

    async def finish(self, run_id: RunId, generation: int | None, *, event: Event) -> None:
        """Project a terminal event onto the row; generation None for a run never claimed. Raises StaleGenerationError."""
        ...


class WakeupRepository(Protocol):
    """Who should be told that there is work; the reaper's queries."""

    async def due_runs(self, *, older_than: timedelta, limit: int) -> tuple[RunId, ...]:
        """Mark as woken, and return, runs with work: queued and first of their session, or with an expired lease."""
        ...

    async def next_queued(self, session_id: SessionId) -> RunId | None:
        """The first unfinished run of a session if it is queued."""
        ...

    async def add_job(self, tenant_id: TenantId, kind: JobKind, subject_id: UUID) -> Job:
        """Owe a piece of work; same transaction as what caused it."""
        ...

    async def take_job(self, job_id: JobId, *, lease: timedelta) -> Job | None:
        """Claim a job for the time of `lease`; None when done or held by another."""
        ...

    async def complete_job(self, job_id: JobId) -> None:
        """The work is done."""
        ...

    async def due_jobs(self, *, older_than: timedelta, limit: int) -> tuple[Job, ...]:
        """Jobs neither done nor held nor recently announced; marks them announced."""
        ...


class EventRepository(Protocol):
    """The one append-only log of each session."""

    async def append(
        self,
        tenant_id: TenantId,
        session_id: SessionId,
        events: Sequence[NewEvent],
        *,
        run_id: RunId | None = None,
        generation: int | None = None,
    ) -> tuple[Event, ...]:
        """Give the next sequence numbers, gap-free.

        With `generation` the write is fenced: StaleGenerationError unless the run is running under it.
        Raises NotFoundError when the session is gone.
        """
        ...

    async def list_after(
        self, tenant_id: TenantId, session_id: SessionId, *, after: int, limit: int, run_id: RunId | None = None
    ) -> tuple[Event, ...]:
        """Events with seq > after, in order, at most `limit`; only those of `run_id` if given."""
        ...

    def stream_for_fold(self, tenant_id: TenantId, session_id: SessionId, run_id: RunId) -> AsyncIterator[Event]:
        """What a run's state is folded from: earlier user and final assistant messages, and all of this run's events."""
        ...


class ToolRepository(Protocol):
    """Evolved tools: versions, state, counters."""

    async def propose(self, tenant_id: TenantId, *, version: ToolVersion, name: str) -> ToolVersion:
        """Store a candidate under the next version number; idempotent on (origin run, origin call, source)."""
        ...

    async def record_test(
        self, tenant_id: TenantId, version_id: ToolVersionId, *, state: ToolState, report: Mapping[str, Any]
    ) -> ToolVersion:
        """Keep the test's report with the version."""
        ...

    async def activate(self, tenant_id: TenantId, version_id: ToolVersionId) -> ToolVersion:
        """Make a tested version the active one. Raises ConflictError unless its test passed."""
        ...

    async def disable(self, tenant_id: TenantId, tool_id: ToolId, *, reason: str) -> Tool:
        """Take the active version out of use everywhere. Raises NotFoundError."""
        ...

    async def get(self, tenant_id: TenantId, key: ToolId | str) -> Tool:
        """By id or name. Raises NotFoundError."""
        ...

    async def get_version(self, tenant_id: TenantId, version_id: ToolVersionId) -> ToolVersion:
        """Raises NotFoundError."""
        ...

    async def active_versions(
        self, tenant_id: TenantId, ids: Sequence[ToolVersionId]
    ) -> tuple[tuple[Tool, ToolVersion], ...]:
        """Those of `ids` that are active right now."""
        ...

    async def version_of_call(self, tenant_id: TenantId, run_id: RunId, call_id: str) -> tuple[ToolVersion, ...]:
        """Candidates that one call proposed, oldest first."""
        ...

    async def list(self, tenant_id: TenantId, page: PageRequest) -> Page[Tool]:
        """Newest first."""
        ...

    async def list_versions(self, tenant_id: TenantId, tool_id: ToolId) -> tuple[ToolVersion, ...]:
        """Newest first. Raises NotFoundError."""
        ...

    async def record_use(self, tenant_id: TenantId, version_id: ToolVersionId, *, ok: bool) -> None:
        """Count one use."""
        ...


class MemoryRepository(Protocol):
    """Episodes and notes: the truth behind the vector index."""

    async def add(self, memory: Memory) -> bool:
        """Store; False when this id is there already (ids are derived from what they remember)."""
        ...

    async def mark_indexed(self, tenant_id: TenantId, memory_id: MemoryId) -> None:
        """The index holds it now."""
        ...

    async def get(self, tenant_id: TenantId, memory_id: MemoryId) -> Memory:
        """Raises NotFoundError."""
        ...

    async def list(self, tenant_id: TenantId, page: PageRequest, *, agent_id: AgentId | None = None) -> Page[Memory]:
        """Newest first."""
        ...

    async def delete(self, tenant_id: TenantId, memory_id: MemoryId) -> None:
        """Raises NotFoundError."""
        ...


class ArtifactRepository(Protocol):
    """Big payloads by content hash."""

    async def put(self, tenant_id: TenantId, content: bytes, *, media_type: str) -> Artifact:
        """Store once; the same bytes again change nothing."""
        ...

    async def get(self, tenant_id: TenantId, sha256: str) -> tuple[Artifact, bytes]:
        """Raises NotFoundError."""
        ...


class IdempotencyRepository(Protocol):
    """Answers to creates, by the caller's Idempotency-Key."""

    async def begin(self, tenant_id: TenantId, key: str, *, route: str, body_sha256: bytes) -> Mapping[str, Any] | None:
        """Reserve the key in this transaction, or return the stored answer {status, body}.

        Concurrent holders wait for the first to commit. Raises IdempotencyMismatchError when the body differs.
        """
        ...

    async def complete(self, tenant_id: TenantId, key: str, *, route: str, answer: Mapping[str, Any]) -> None:
        """Store the answer in the same transaction as what it describes."""
        ...

    async def purge(self, *, older_than: timedelta) -> int:
        """Forget old keys."""
        ...


class UnitOfWork(Protocol):
    """Repositories over one transaction."""

    tenants: TenantRepository
    agents: AgentRepository
    sessions: SessionRepository
    runs: RunRepository
    wakeups: WakeupRepository
    events: EventRepository
    tools: ToolRepository
    memories: MemoryRepository
    artifacts: ArtifactRepository
    idempotency: IdempotencyRepository


class Store(Protocol):
    """The durable store."""

    def transaction(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """Commit at the end of the block, roll back on an exception. Raises UnavailableError when it is down."""
        ...

    async def healthy(self) -> bool:
        """Answers a trivial query within a second, with the schema this code expects."""
        ...

    async def close(self) -> None:
        """Give all connections back."""
        ...
