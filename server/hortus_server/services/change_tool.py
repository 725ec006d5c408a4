"""What people do to self-made tools: enable, disable, roll back, let pure ones in by themselves."""

from collections.abc import Callable
from dataclasses import dataclass

from hortus_server.domain.audit import Actor, NewAuditEntry
from hortus_server.domain.errors import ConflictError, NotFoundError
from hortus_server.domain.ids import TenantId, ToolId
from hortus_server.domain.records import Job, Tool, ToolState, ToolVersion
from hortus_server.ports.queue import WakeupQueue
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.ports.tools import REPLACED, Replaced
from hortus_server.services.capability_store import declared_detail

# A rejected version did not pass; what was only proposed has not been tried yet.
ENABLED_FROM: tuple[ToolState, ...] = ("quarantined", "tested", "disabled", "rolled_back", "active")


@dataclass(frozen=True, slots=True)
class ChangeTool:
    """Every change holds from its commit on, in every session: a call that begins after it is refused or served.

    An audit entry is part of the same transaction; the index of capabilities follows by a job.
    """

    store: Store
    queue: WakeupQueue

    async def enable(
        self, actor: Actor, tenant_id: TenantId, *, key: ToolId | str, version: int | None, reason: str
    ) -> Tool:
        """Make a version the active one; without a number the newest that waits, or the one disabled last.

        Raises NotFoundError, and ConflictError unless it passed its tests, the scan and the negative tests.
        """
        chosen = _chooser(version, _to_enable)
        return await self._activate(actor, tenant_id, key, chosen, Act("tool.enabled", reason))

    async def roll_back(
        self, actor: Actor, tenant_id: TenantId, *, key: ToolId | str, version: int | None, reason: str
    ) -> Tool:
        """Back to an earlier version; without a number the one before the active one. What was active is `rolled_back`.

        Raises NotFoundError, and ConflictError as `enable` does, or where there is nothing to go back to.
        """
        chosen = _chooser(version, _to_roll_back)
        act = Act("tool.rolled_back", reason, Replaced("rolled_back", reason), earlier=True)
        return await self._activate(actor, tenant_id, key, chosen, act)

    async def disable(self, actor: Actor, tenant_id: TenantId, *, key: ToolId | str, reason: str) -> Tool:
        """Take the active version out of use; nothing changes where none is. Raises NotFoundError."""
        job: Job | None = None
        async with self.store.transaction(tenant_id) as uow:
            tool = await uow.tools.get(tenant_id, key)
            active = await _active(uow, tool)
            if active is not None:
                await uow.tools.set_state(tenant_id, active.id, state="disabled", reason=reason)
                await uow.audit.append(_entry(actor, "tool.disabled", tool, active, reason))
                job = await uow.wakeups.add_job(tenant_id, "index_tool", active.id)
            tool = await uow.tools.get(tenant_id, tool.id)
        await self._wake(job)
        return tool

    async def check(self, actor: Actor, tenant_id: TenantId, *, key: ToolId | str, version: int) -> ToolVersion:
        """Have a worker scan and test a version again. Raises NotFoundError."""
        async with self.store.transaction(tenant_id) as uow:
            tool = await uow.tools.get(tenant_id, key)
            found = await _numbered(uow, tool, version)
            job = await uow.wakeups.add_job(tenant_id, "check_tool", found.id)
            await uow.audit.append(_entry(actor, "tool.check_asked", tool, found, ""))
        await self._wake(job)
        return found

    async def let_in_by_themselves(self, actor: Actor, tenant_id: TenantId, *, activate_pure: bool) -> None:
        """Whether pure tools that passed every gate become active without a person."""
        async with self.store.transaction(tenant_id) as uow:
            await uow.tools.set_activates_pure(tenant_id, activate_pure=activate_pure)
            await uow.audit.append(
                NewAuditEntry(
                    tenant_id,
                    actor,
                    "tool_activation.changed",
                    f"tenant:{tenant_id}",
                    {"activate_pure": activate_pure},
                )
            )

    async def _activate(
        self, actor: Actor, tenant_id: TenantId, key: ToolId | str, choose: "Choose", act: "Act"
    ) -> Tool:
        async with self.store.transaction(tenant_id) as uow:
            tool = await uow.tools.get(tenant_id, key)
            chosen = choose(tool, await uow.tools.list_versions(tenant_id, tool.id))
            if act.earlier and (tool.active_version or chosen.version) < chosen.version:
                raise ConflictError(f"version {chosen.version} is not earlier than the active one; enable it instead")
            if chosen.state not in ENABLED_FROM:
                raise ConflictError(f"version {chosen.version} of {tool.name} is {chosen.state} and cannot be enabled")
            if (missing := ungated(chosen)) is not None:
                raise ConflictError(f"version {chosen.version} of {tool.name} {missing}")
            version = await uow.tools.activate(tenant_id, chosen.id, states=ENABLED_FROM, replaced=act.replaced)
            await uow.audit.append(_entry(actor, act.action, tool, version, act.reason))
            job = await uow.wakeups.add_job(tenant_id, "index_tool", version.id)
            tool = await uow.tools.get(tenant_id, tool.id)
        await self._wake(job)
        return tool

    async def _wake(self, job: Job | None) -> None:
        if job is not None:
            await self.queue.wake_job(job.id, job.kind)


Choose = Callable[[Tool, tuple[ToolVersion, ...]], ToolVersion]


@dataclass(frozen=True, slots=True)
class Act:
    """One way to make a version active: what the audit log calls it, and what becomes of the one before."""

    action: str
    reason: str
    replaced: Replaced = REPLACED
    earlier: bool = False


def ungated(version: ToolVersion) -> str | None:
    """Which gate a version has not passed, as the end of a sentence; None where it passed them all."""
    gates = {
        "tests": version.test_report,
        "scan": version.scan_report,
        "negative tests": version.negative_report,
    }
    for name, report in gates.items():
        if report is None:
            return f"has no report of its {name} yet: have it checked first"
        if report.get("passed") is not True:
            return f"has not passed its {name}"
    return None


def _chooser(number: int | None, choose: Choose) -> Choose:
    if number is None:
        return choose

    def numbered(_tool: Tool, versions: tuple[ToolVersion, ...]) -> ToolVersion:
        for version in versions:
            if version.version == number:
                return version
        raise NotFoundError("tool version", number)

    return numbered


def _to_enable(tool: Tool, versions: tuple[ToolVersion, ...]) -> ToolVersion:
    for state in ("quarantined", "disabled", "active"):
        for version in versions:
            if version.state == state:
                return version
    raise ConflictError(f"no version of {tool.name} waits to be enabled; name one")


def _to_roll_back(tool: Tool, versions: tuple[ToolVersion, ...]) -> ToolVersion:
    for version in versions:
        was_active = version.state == "tested" and version.activated_at is not None
        if was_active and tool.active_version is not None and version.version < tool.active_version:
            return version
    raise ConflictError(f"there is no earlier version of {tool.name} to go back to; name one")


async def _active(uow: UnitOfWork, tool: Tool) -> ToolVersion | None:
    return None if tool.active_version is None else await _numbered(uow, tool, tool.active_version)


async def _numbered(uow: UnitOfWork, tool: Tool, number: int) -> ToolVersion:
    for version in await uow.tools.list_versions(tool.tenant_id, tool.id):
        if version.version == number:
            return version
    raise NotFoundError("tool version", number)


def _entry(actor: Actor, action: str, tool: Tool, version: ToolVersion, reason: str) -> NewAuditEntry:
    detail = {
        "name": tool.name,
        "version": version.version,
        "source_sha256": version.source_sha256,
        "reason": reason,
        **declared_detail(version),
    }
    return NewAuditEntry(tool.tenant_id, actor, action, f"tool:{tool.id}", detail)
