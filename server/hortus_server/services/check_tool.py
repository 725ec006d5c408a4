"""Scan and test a stored version on this server: what was imported, and what became active before there were gates."""

from dataclasses import dataclass
from typing import Any

from hortus_agents.errors import SandboxError
from hortus_agents.evolution.gates import GateReport, ToolGates
from hortus_agents.evolution.negative import Subject
from hortus_agents.tools.capability import ToolPermissions
from hortus_server.domain.audit import SYSTEM, NewAuditEntry
from hortus_server.domain.errors import UnavailableError
from hortus_server.domain.ids import JobId, TenantId, ToolVersionId
from hortus_server.domain.records import ToolState, ToolVersion
from hortus_server.ports.store import Store

WAITS = "waits for a person"


@dataclass(frozen=True, slots=True)
class CheckTool:
    """The use case behind a `check_tool` job; idempotent. Without a sandbox nothing is decided: the job comes again.

    What fails is `rejected`; a version that was in use goes to `quarantined`. What passes keeps its state: here
    nothing becomes active.
    """

    store: Store
    gates: ToolGates | None

    async def __call__(self, tenant_id: TenantId, version_id: ToolVersionId, job_id: JobId) -> None:
        """Raises UnavailableError where no gate can run, NotFoundError for a version that is gone."""
        if self.gates is None:
            raise UnavailableError("sandbox", "no isolation works on this worker, so no tool can be subject")
        async with self.store.transaction(tenant_id) as uow:
            version = await uow.tools.get_version(tenant_id, version_id)
        subject = subject_of(version)
        report = await self.gates.check(subject)
        if report.broken:
            raise UnavailableError("sandbox", report.reason)
        tests = await self._tests(self.gates, subject, version, report)
        await self._settle(job_id, version, report, tests)

    async def _tests(
        self, gates: ToolGates, subject: Subject, version: ToolVersion, report: GateReport
    ) -> dict[str, Any]:
        """Its own tests, run again here; what the scan keeps out does not run."""
        tier = gates.sandbox.tier
        cases = [dict(case) for case in version.tests]
        if not report.scan.passed:
            return {"passed": False, "cases": cases, "detail": f"not run: {report.scan.reason}", "tier": "none"}
        known = [
            {**case, "expected": case.get("got", case["expected"])}
            for case in cases
            if case.get("verdict", "confirmed") == "confirmed"
        ]
        try:
            rows, passed = await gates.run_tests(subject, known)
        except SandboxError as error:
            raise UnavailableError("sandbox", str(error)) from error
        held = sum(row["verdict"] == "confirmed" for row in rows)
        return {"passed": passed, "cases": rows, "detail": f"run again here: {held} of {len(rows)} hold", "tier": tier}

    async def _settle(self, job_id: JobId, version: ToolVersion, report: GateReport, tests: dict[str, Any]) -> None:
        tenant_id = version.tenant_id
        passed = report.passed and tests["passed"] is True
        reason = WAITS if passed else (report.reason or str(tests["detail"]))
        async with self.store.transaction(tenant_id) as uow:
            now = await uow.tools.get_version(tenant_id, version.id)
            await uow.tools.record_test(tenant_id, version.id, state=now.state, report=tests)
            await uow.tools.record_gates(tenant_id, version.id, scan=report.scan.row, negative=report.negative.row)
            state = _state_after(now.state, passed=passed)
            if state != now.state or state == "quarantined":
                await uow.tools.set_state(tenant_id, version.id, state=state, reason=reason[:500])
            if now.state == "active" and state != "active":
                await uow.wakeups.add_job(tenant_id, "index_tool", version.id)
            detail = {
                "passed": passed,
                "state": state,
                "version": version.version,
                "reason": reason[:500],
                "job_id": str(job_id),
            }
            subject = f"tool:{version.tool_id}"
            await uow.audit.append(NewAuditEntry(tenant_id, SYSTEM, "tool.checked", subject, detail, ("job_id",)))


def _state_after(state: ToolState, *, passed: bool) -> ToolState:
    if passed:
        return "quarantined" if state in {"proposed", "rejected"} else state
    return "quarantined" if state == "active" else "rejected" if state in {"proposed", "quarantined"} else state


def subject_of(version: ToolVersion) -> Subject:
    """A stored version as the gates take it."""
    return Subject(
        source=version.source,
        function=version.function,
        parameters=dict(version.parameters),
        permissions=ToolPermissions.model_validate(version.permissions),
    )
