"""The library of evolved tools: PostgreSQL says which version is active, the vector index finds candidates."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

import structlog

from hortus_agents.evolution.gates import GateReport
from hortus_agents.evolution.ports import Candidate, Proposer, StoredCandidate, TestReport
from hortus_agents.labels import UNKNOWN
from hortus_agents.tools.capability import Capability, ScoredCapability, ToolPermissions
from hortus_memory.errors import HortusMemoryError
from hortus_memory.ports import HybridIndex
from hortus_memory.ranking.confidence import ConfidencePolicy
from hortus_server.domain.audit import Actor, NewAuditEntry
from hortus_server.domain.ids import RunId, TenantId, ToolId, ToolVersionId, new_id
from hortus_server.domain.records import Job, Tool, ToolState, ToolVersion
from hortus_server.ports.queue import WakeupQueue
from hortus_server.ports.store import Store

log = structlog.get_logger()

REASON = 500  # characters of a state's reason
OVERSAMPLING = 3  # stale points may crowd out live ones; the rows decide after the search


@dataclass(frozen=True, slots=True)
class RowsAndCapabilityIndex:
    """Implements evolution's CapabilityStore. A disabled version is never returned, however stale the index."""

    store: Store
    queue: WakeupQueue
    index: HybridIndex
    confidence: ConfidencePolicy

    async def find(self, tenant_id: UUID, query: str, limit: int) -> list[ScoredCapability]:
        """See CapabilityLibrary."""
        try:
            found = await self.index.search(str(tenant_id), query, limit=limit * OVERSAMPLING)
        except HortusMemoryError as error:
            log.warning("capabilities_unavailable", error=str(error))
            return []
        if not found:
            return []
        async with self.store.transaction(TenantId(tenant_id)) as uow:
            rows = await uow.tools.active_versions(TenantId(tenant_id), [ToolVersionId(item.id) for item in found])
        active = {version.id: to_capability(tool.name, version) for tool, version in rows}
        return [
            ScoredCapability(active[ToolVersionId(item.id)], item.cosine or 0.0, self.confidence.supports(item))
            for item in found
            if item.id in active
        ][:limit]

    async def get(self, tenant_id: UUID, version_id: UUID) -> Capability | None:
        """See CapabilityLibrary."""
        async with self.store.transaction(TenantId(tenant_id)) as uow:
            rows = await uow.tools.active_versions(TenantId(tenant_id), [ToolVersionId(version_id)])
        return to_capability(rows[0][0].name, rows[0][1]) if rows else None

    async def record_use(self, tenant_id: UUID, version_id: UUID, *, run_id: UUID, call_id: str, ok: bool) -> None:
        """See CapabilityLibrary."""
        async with self.store.transaction(TenantId(tenant_id)) as uow:
            await uow.tools.record_use(
                TenantId(tenant_id), ToolVersionId(version_id), run_id=RunId(run_id), call_id=call_id, ok=ok
            )

    async def propose(self, proposer: Proposer, candidate: Candidate) -> StoredCandidate:
        """See CapabilityStore."""
        tenant = TenantId(proposer.tenant_id)
        digest = hashlib.sha256(candidate.source.encode()).hexdigest()
        async with self.store.transaction(tenant) as uow:
            version = await uow.tools.propose(
                tenant, version=_proposed(proposer, candidate, digest), name=candidate.name
            )
            await uow.audit.append(_entry(proposer, "tool.proposed", version))
        return StoredCandidate(to_capability(candidate.name, version), version.state)

    async def of_call(self, tenant_id: UUID, *, run_id: UUID, call_id: str) -> list[StoredCandidate]:
        """See CapabilityStore."""
        tenant = TenantId(tenant_id)
        async with self.store.transaction(tenant) as uow:
            versions = await uow.tools.version_of_call(tenant, RunId(run_id), call_id)
            tools: dict[ToolId, Tool] = {}
            for version in versions:
                if version.tool_id not in tools:
                    tools[version.tool_id] = await uow.tools.get(tenant, version.tool_id)
        return [StoredCandidate(to_capability(tools[item.tool_id].name, item), item.state) for item in versions]

    async def record_test(self, proposer: Proposer, version_id: UUID, report: TestReport) -> None:
        """See CapabilityStore."""
        tenant = TenantId(proposer.tenant_id)
        content: dict[str, Any] = {
            "passed": report.passed,
            "cases": list(report.cases),
            "detail": report.detail,
            "tier": report.tier,
        }
        state: ToolState = "tested" if report.passed else "rejected"
        async with self.store.transaction(tenant) as uow:
            version = await uow.tools.record_test(tenant, ToolVersionId(version_id), state=state, report=content)
            if version.state == "rejected":
                await uow.tools.set_state(tenant, version.id, state="rejected", reason=report.detail[:REASON])
            if version.state == state:
                reason = "" if report.passed else report.detail[:REASON]
                await uow.audit.append(_entry(proposer, f"tool.{state}", version, reason))

    async def admit(self, proposer: Proposer, version_id: UUID, report: GateReport) -> StoredCandidate:
        """See CapabilityStore. The index learns of it by a job; until then only this session knows the tool."""
        tenant = TenantId(proposer.tenant_id)
        job: Job | None = None
        async with self.store.transaction(tenant) as uow:
            version = await uow.tools.record_gates(
                tenant, ToolVersionId(version_id), scan=report.scan.row, negative=report.negative.row
            )
            tool = await uow.tools.get(tenant, version.tool_id)
            if version.state == "tested":
                namesakes = await uow.tools.list_versions(tenant, version.tool_id)
                activates_pure = await uow.tools.activates_pure(tenant)
                state, reason = decide(version, report, namesakes=namesakes, activates_pure=activates_pure)
                if state == "active":
                    version = await uow.tools.activate(tenant, version.id)
                    job = await uow.wakeups.add_job(tenant, "index_tool", version.id)
                else:
                    version = await uow.tools.set_state(tenant, version.id, state=state, reason=reason)
                action = "tool.activated" if state == "active" else f"tool.{state}"
                await uow.audit.append(_entry(proposer, action, version, version.state_reason or ""))
        if job is not None:
            await self.queue.wake_job(job.id, job.kind)
        return StoredCandidate(to_capability(tool.name, version), version.state, version.state_reason or "")


def decide(
    version: ToolVersion, report: GateReport, *, namesakes: Sequence[ToolVersion], activates_pure: bool
) -> tuple[ToolState, str]:
    """What becomes of a version whose tests passed: what fails is out, what cannot be judged waits, and so does power.

    A gate that could not run lets nothing through, and condemns nothing.
    """
    if report.broken:
        return "quarantined", report.reason[:REASON]
    if not report.passed:
        return "rejected", report.reason[:REASON]
    declared = ToolPermissions.model_validate(version.permissions).described
    if declared:
        return "quarantined", f"it declares {declared}"[:REASON]
    if report.scan.needs_person:
        return "quarantined", "the scan found something that a person has to look at"
    if not activates_pure:
        return "quarantined", "this tenant lets no tool in by itself"
    theirs = next(filter(None, (_persons_word(version, other) for other in namesakes)), "")
    return ("quarantined", theirs) if theirs else ("active", "")


def _persons_word(version: ToolVersion, other: ToolVersion) -> str:
    """Why a version may not take the place of `other` without a person; empty where it may."""
    number = f"version {other.version} of the same name"
    if other.state in {"disabled", "rolled_back"}:
        return f"{number} was taken out of use by a person"
    if other.state != "active":
        return ""
    findings = (other.scan_report or {}).get("findings", ())
    seen = any(finding.get("weight") == "person" for finding in findings)
    if other.origin == "import" or seen or ToolPermissions.model_validate(other.permissions).declared:
        return f"{number}, which a person enabled, is in use"
    if (version.label or UNKNOWN).trust < (other.label or UNKNOWN).trust:
        return f"{number} is in use, and comes from more trusted text"
    return ""


def declared_detail(version: ToolVersion) -> dict[str, Any]:
    """What an audit entry tells of a version that declares more than computing."""
    permissions = ToolPermissions.model_validate(version.permissions)
    return {"permissions": permissions.model_dump(mode="json", exclude_defaults=True)} if permissions.declared else {}


def to_capability(name: str, version: ToolVersion) -> Capability:
    """A row as the loop sees it; the tests are the cases that were checked."""
    return Capability(
        tool_id=version.tool_id,
        version_id=version.id,
        version=version.version,
        name=name,
        description=version.description,
        parameters=dict(version.parameters),
        returns=dict(version.returns),
        source=version.source,
        function=version.function,
        tests=tuple(dict(case) for case in version.tests),
        in_doubt=version.in_doubt,
        permissions=ToolPermissions.model_validate(version.permissions),
        label=version.label or UNKNOWN.model_copy(update={"source": f"the tool {name}"}),
    )


def _entry(proposer: Proposer, action: str, version: ToolVersion, reason: str = "") -> NewAuditEntry:
    detail = {
        "name": version.function,
        "version": version.version,
        "source_sha256": version.source_sha256,
        "run_id": str(proposer.run_id),
        "reason": reason,
        **declared_detail(version),
    }
    actor = Actor("agent", str(proposer.agent_id))
    # Every stage of a synthesis may run again after a crash.
    once = ("run_id", "version")
    return NewAuditEntry(version.tenant_id, actor, action, f"tool:{version.tool_id}", detail, once)


def _proposed(proposer: Proposer, candidate: Candidate, digest: str) -> ToolVersion:
    """Number, state and times are the store's to give."""
    run_id = RunId(proposer.run_id)
    return ToolVersion(
        id=ToolVersionId(uuid5(run_id, f"tool/{proposer.call_id}/{digest}")),
        tenant_id=TenantId(proposer.tenant_id),
        tool_id=ToolId(new_id()),
        version=0,
        state="proposed",
        description=candidate.description,
        parameters=candidate.parameters,
        returns=candidate.returns,
        function=candidate.function,
        source=candidate.source,
        source_sha256=digest,
        tests=(),
        test_report=None,
        origin_run_id=run_id,
        origin_call_id=proposer.call_id,
        origin_step=candidate.step,
        permissions=candidate.permissions.model_dump(mode="json"),
        label=candidate.label,
        uses=0,
        failures=0,
        created_at=datetime.now(UTC),
        activated_at=None,
    )
