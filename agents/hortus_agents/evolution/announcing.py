"""The events of a synthesis, and on whose behalf they happen."""

from hortus_agents.events import CapabilityActivated, CapabilityChecked, CapabilityQuarantined
from hortus_agents.evolution.gates import GateReport
from hortus_agents.evolution.ports import Proposer, StoredCandidate
from hortus_agents.tools.capability import Capability
from hortus_agents.tools.port import ToolContext


def proposer_of(context: ToolContext) -> Proposer:
    """The call behind a proposal."""
    return Proposer(context.tenant_id, context.agent_id, context.run_id, context.call_id)


def checked_event(capability: Capability, report: GateReport, *, call_id: str, attempt: int) -> CapabilityChecked:
    """What the gates came to."""
    return CapabilityChecked(
        call_id=call_id,
        tool_version_id=capability.version_id,
        attempt=attempt,
        passed=report.passed,
        findings=len(report.scan.findings),
        negative_tests=len(report.negative.results),
        detail=report.detail if report.passed else f"{report.detail}; {report.reason}"[:500],
        tier=report.negative.tier,
    )


def quarantined_event(settled: StoredCandidate, context: ToolContext) -> CapabilityQuarantined:
    """It waits for a person."""
    return CapabilityQuarantined(
        call_id=context.call_id,
        name=settled.capability.name,
        tool_id=settled.capability.tool_id,
        tool_version_id=settled.capability.version_id,
        version=settled.capability.version,
        reason=settled.reason,
    )


def activated_event(capability: Capability, context: ToolContext) -> CapabilityActivated:
    """It may be used from now on."""
    return CapabilityActivated(
        call_id=context.call_id,
        name=capability.name,
        tool_id=capability.tool_id,
        tool_version_id=capability.version_id,
        version=capability.version,
        label=capability.label,
    )
