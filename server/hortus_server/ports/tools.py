"""What services need of evolved tools."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from hortus_agents.tools.port import InDoubtPolicy
from hortus_server.domain.ids import RunId, TenantId, ToolId, ToolVersionId
from hortus_server.domain.records import Page, Tool, ToolState, ToolVersion
from hortus_server.ports.paging import PageRequest


@dataclass(frozen=True, slots=True)
class Replaced:
    """What becomes of a version that another takes the place of."""

    state: ToolState
    reason: str | None = None


REPLACED = Replaced("tested")


class ToolChanges(Protocol):
    """How evolved tools come, prove themselves and go."""

    async def propose(self, tenant_id: TenantId, *, version: ToolVersion, name: str) -> ToolVersion:
        """Store a candidate under the next version number; idempotent on (origin run, origin call, source)."""
        ...

    async def record_test(
        self, tenant_id: TenantId, version_id: ToolVersionId, *, state: ToolState, report: Mapping[str, Any]
    ) -> ToolVersion:
        """Keep the test's report with the version."""
        ...

    async def record_gates(
        self, tenant_id: TenantId, version_id: ToolVersionId, *, scan: Mapping[str, Any], negative: Mapping[str, Any]
    ) -> ToolVersion:
        """Keep what the scan and the negative tests came to. Raises NotFoundError."""
        ...

    async def activate(
        self,
        tenant_id: TenantId,
        version_id: ToolVersionId,
        *,
        states: Sequence[ToolState] = ("tested", "active"),
        replaced: Replaced = REPLACED,
    ) -> ToolVersion:
        """Make a version the active one, where it is in one of `states` and passed tests, scan and negative tests.

        The version that was active goes the way that `replaced` says. Raises NotFoundError, and ConflictError for a
        version that has not passed everything.
        """
        ...

    async def set_state(
        self, tenant_id: TenantId, version_id: ToolVersionId, *, state: ToolState, reason: str | None
    ) -> ToolVersion:
        """Any state but `active`. A version that was active leaves its tool without one. Raises NotFoundError."""
        ...

    async def set_activates_pure(self, tenant_id: TenantId, *, activate_pure: bool) -> None:
        """Whether pure tools that passed everything become active by themselves."""
        ...

    async def set_in_doubt(
        self, tenant_id: TenantId, version_id: ToolVersionId, *, policy: InDoubtPolicy
    ) -> ToolVersion:
        """Say what happens to interrupted calls of a version. Raises NotFoundError."""
        ...

    async def record_use(
        self, tenant_id: TenantId, version_id: ToolVersionId, *, run_id: RunId, call_id: str, ok: bool
    ) -> None:
        """Count one use, once for each (run, call)."""
        ...


class ToolRepository(ToolChanges, Protocol):
    """Evolved tools: versions, state, counters."""

    async def get(self, tenant_id: TenantId, key: ToolId | str) -> Tool:
        """By id or name. Raises NotFoundError."""
        ...

    async def get_version(self, tenant_id: TenantId, version_id: ToolVersionId) -> ToolVersion:
        """Raises NotFoundError."""
        ...

    async def activates_pure(self, tenant_id: TenantId) -> bool:
        """Whether pure tools that passed everything become active by themselves; unless told otherwise they do."""
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
