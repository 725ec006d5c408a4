"""Evolved tools in PostgreSQL: versions, state, counters."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from hortus_agents.tools.port import InDoubtPolicy
from hortus_server.adapters.postgres import rows
from hortus_server.adapters.postgres.paging import decode_timed, encode_timed, to_page
from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.errors import ConflictError, NotFoundError
from hortus_server.domain.ids import RunId, TenantId, ToolId, ToolVersionId
from hortus_server.domain.records import Page, Tool, ToolState, ToolVersion
from hortus_server.ports.paging import PageRequest
from hortus_server.ports.pending import Pending
from hortus_server.ports.tools import REPLACED, Replaced

_STATEMENTS = load_statements("tools.sql")


class PostgresTools:
    """See `ToolRepository`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def propose(self, tenant_id: TenantId, *, version: ToolVersion, name: str) -> ToolVersion:
        """See the port.

        The tool's id, the version number, the state and the counters are the store's to give: those of `version` are
        not read, except for `tool_id`, which a new tool takes.
        """
        found = await self._find_proposed(tenant_id, version)
        if found is not None:
            return found
        line = await self._sql.one(
            "next_version",
            _tool_and_number,
            tenant_id=tenant_id,
            tool_id=version.tool_id,
            name=name,
            description=version.description,
        )
        if line is None:
            raise NotFoundError("tool", name)
        tool_id, number = line
        added = await self._sql.one(
            "add_version",
            rows.tool_version,
            id=version.id,
            tenant_id=tenant_id,
            tool_id=tool_id,
            version=number,
            description=version.description,
            parameters=Jsonb(dict(version.parameters)),
            returns=Jsonb(dict(version.returns)),
            function=version.function,
            source=version.source,
            source_sha256=version.source_sha256,
            tests=Jsonb(list(version.tests)),
            test_report=None if version.test_report is None else Jsonb(dict(version.test_report)),
            origin_run_id=version.origin_run_id,
            origin_call_id=version.origin_call_id,
            state=version.state if version.origin == "import" else "proposed",
            state_reason=version.state_reason,
            permissions=Jsonb(dict(version.permissions)),
            origin=version.origin,
            origin_step=version.origin_step,
            label=None if version.label is None else Jsonb(version.label.model_dump()),
        )
        # None: another transaction stored the same proposal while this one waited for the tool's row.
        found = added or await self._find_proposed(tenant_id, version)
        if found is None:
            raise ConflictError(f"tool version {version.id} exists already")
        return found

    async def record_test(
        self, tenant_id: TenantId, version_id: ToolVersionId, *, state: ToolState, report: Mapping[str, Any]
    ) -> ToolVersion:
        """See the port. The state of an active or disabled version stays; raises NotFoundError."""
        self._lock_tool(tenant_id, version_id)
        version = await self._sql.one(
            "record_test",
            rows.tool_version,
            tenant_id=tenant_id,
            version_id=version_id,
            state=state,
            report=Jsonb(dict(report)),
        )
        return _there(version, version_id)

    async def record_gates(
        self, tenant_id: TenantId, version_id: ToolVersionId, *, scan: Mapping[str, Any], negative: Mapping[str, Any]
    ) -> ToolVersion:
        """See the port."""
        self._lock_tool(tenant_id, version_id)
        version = await self._sql.one(
            "record_gates",
            rows.tool_version,
            tenant_id=tenant_id,
            version_id=version_id,
            scan=Jsonb(dict(scan)),
            negative=Jsonb(dict(negative)),
        )
        return _there(version, version_id)

    async def activate(
        self,
        tenant_id: TenantId,
        version_id: ToolVersionId,
        *,
        states: Sequence[ToolState] = ("tested", "active"),
        replaced: Replaced = REPLACED,
    ) -> ToolVersion:
        """See the port."""
        tool_id = await self._lock_tool(tenant_id, version_id)
        if tool_id is None:
            raise NotFoundError("tool version", version_id)
        await self._sql.count(
            "retire_active",
            tenant_id=tenant_id,
            tool_id=tool_id,
            version_id=version_id,
            states=list(states),
            state=replaced.state,
            reason=replaced.reason,
        )
        version = await self._sql.one(
            "activate_version", rows.tool_version, tenant_id=tenant_id, version_id=version_id, states=list(states)
        )
        if version is None:
            raise ConflictError(f"tool version {version_id} has not passed every gate, or may not leave its state")
        return version

    async def set_state(
        self, tenant_id: TenantId, version_id: ToolVersionId, *, state: ToolState, reason: str | None
    ) -> ToolVersion:
        """See the port."""
        self._lock_tool(tenant_id, version_id)
        version = await self._sql.one(
            "set_state", rows.tool_version, tenant_id=tenant_id, version_id=version_id, state=state, reason=reason
        )
        return _there(version, version_id)

    async def activates_pure(self, tenant_id: TenantId) -> bool:
        """See the port."""
        said = await self._sql.one("activates_pure", _activates_pure, tenant_id=tenant_id)
        return True if said is None else said

    async def set_activates_pure(self, tenant_id: TenantId, *, activate_pure: bool) -> None:
        """See the port."""
        await self._sql.count("set_activates_pure", tenant_id=tenant_id, activate_pure=activate_pure)

    async def set_in_doubt(
        self, tenant_id: TenantId, version_id: ToolVersionId, *, policy: InDoubtPolicy
    ) -> ToolVersion:
        """See the port."""
        version = await self._sql.one(
            "set_in_doubt", rows.tool_version, tenant_id=tenant_id, version_id=version_id, policy=policy
        )
        return _there(version, version_id)

    async def get(self, tenant_id: TenantId, key: ToolId | str) -> Tool:
        """See the port."""
        if isinstance(key, UUID):
            tool = await self._sql.one("get_tool", Tool, tenant_id=tenant_id, tool_id=key)
        else:
            tool = await self._sql.one("get_tool_by_name", Tool, tenant_id=tenant_id, name=key)
        if tool is None:
            raise NotFoundError("tool", key)
        return tool

    async def get_version(self, tenant_id: TenantId, version_id: ToolVersionId) -> ToolVersion:
        """See the port."""
        version = await self._sql.one("get_version", rows.tool_version, tenant_id=tenant_id, version_id=version_id)
        return _there(version, version_id)

    async def active_versions(
        self, tenant_id: TenantId, ids: Sequence[ToolVersionId]
    ) -> tuple[tuple[Tool, ToolVersion], ...]:
        """See the port. In the order of `ids`."""
        if not ids:
            return ()
        return tuple(
            await self._sql.many("active_versions", rows.tool_with_version, tenant_id=tenant_id, version_ids=list(ids))
        )

    async def version_of_call(self, tenant_id: TenantId, run_id: RunId, call_id: str) -> tuple[ToolVersion, ...]:
        """See the port."""
        return tuple(
            await self._sql.many(
                "versions_of_call", rows.tool_version, tenant_id=tenant_id, run_id=run_id, call_id=call_id
            )
        )

    async def list(self, tenant_id: TenantId, page: PageRequest) -> Page[Tool]:
        """See the port."""
        before_at, before = decode_timed(page.cursor)
        tools = await self._sql.page(
            "list_tools", Tool, tenant_id=tenant_id, before_at=before_at, before=before, rows=page.limit + 1
        )
        return to_page(tools, page.limit, lambda tool: encode_timed(tool.created_at, tool.id))

    async def list_versions(self, tenant_id: TenantId, tool_id: ToolId) -> tuple[ToolVersion, ...]:
        """See the port."""
        versions = await self._sql.many("list_versions", rows.tool_version, tenant_id=tenant_id, tool_id=tool_id)
        if not versions:
            raise NotFoundError("tool", tool_id)
        return tuple(versions)

    async def record_use(
        self, tenant_id: TenantId, version_id: ToolVersionId, *, run_id: RunId, call_id: str, ok: bool
    ) -> None:
        """See the port."""
        await self._sql.count(
            "record_use", tenant_id=tenant_id, version_id=version_id, run_id=run_id, call_id=call_id, ok=ok
        )

    def _lock_tool(self, tenant_id: TenantId, version_id: ToolVersionId) -> Pending[ToolId | None]:
        return self._sql.one("lock_tool_of_version", _id, tenant_id=tenant_id, version_id=version_id)

    async def _find_proposed(self, tenant_id: TenantId, version: ToolVersion) -> ToolVersion | None:
        return await self._sql.one(
            "find_proposed",
            rows.tool_version,
            tenant_id=tenant_id,
            id=version.id,
            origin_run_id=version.origin_run_id,
            origin_call_id=version.origin_call_id,
            source_sha256=version.source_sha256,
        )


def _there(version: ToolVersion | None, version_id: ToolVersionId) -> ToolVersion:
    if version is None:
        raise NotFoundError("tool version", version_id)
    return version


def _tool_and_number(*, tool_id: ToolId, version: int) -> tuple[ToolId, int]:
    return tool_id, version


def _activates_pure(*, activate_pure: bool) -> bool:
    return activate_pure


def _id(*, id: ToolId) -> ToolId:  # noqa: A002 - a column's name
    return id
