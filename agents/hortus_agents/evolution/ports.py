"""What evolution needs of the store of capabilities."""

from dataclasses import dataclass
from typing import Literal, Protocol
from uuid import UUID

from hortus_agents.evolution.gates import GateReport
from hortus_agents.labels import UNKNOWN, Label
from hortus_agents.messages import JsonObject
from hortus_agents.tools.capability import (
    NO_PERMISSIONS,
    Capability,
    CapabilityLibrary,
    ScoredCapability,
    ToolPermissions,
)

CandidateState = Literal["proposed", "quarantined", "tested", "active", "disabled", "rejected", "rolled_back"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A tool that was written and not yet accepted; `attempt` counts from 1 inside the call that asked for it.

    `label` is that of all its text: it is what the run had read that wrote it.
    """

    name: str
    description: str
    parameters: JsonObject
    returns: JsonObject
    source: str
    function: str
    attempt: int
    label: Label = UNKNOWN
    step: int | None = None
    permissions: ToolPermissions = NO_PERMISSIONS


@dataclass(frozen=True, slots=True)
class StoredCandidate:
    """A candidate with its place in the store; `reason` says why it is in its state, where that needs saying."""

    capability: Capability
    state: CandidateState
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Proposer:
    """On whose behalf something is proposed: an agent's call in a run."""

    tenant_id: UUID
    agent_id: UUID
    run_id: UUID
    call_id: str


@dataclass(frozen=True, slots=True)
class TestReport:
    """What exactly was checked, case by case; `passed` alone opens the way to activation."""

    __test__ = False  # not a test class, whatever pytest thinks of its name

    passed: bool
    cases: tuple[JsonObject, ...]
    detail: str
    tier: str


class CapabilityStore(CapabilityLibrary, Protocol):
    """The library with its write side. Every method is idempotent, so that a call may be run again after a crash."""

    async def propose(self, proposer: Proposer, candidate: Candidate) -> StoredCandidate:
        """Store a candidate as the next version of its name; the same (call, attempt, source) again is the same row."""
        ...

    async def of_call(self, tenant_id: UUID, *, run_id: UUID, call_id: str) -> list[StoredCandidate]:
        """Candidates that one call proposed, oldest first."""
        ...

    async def record_test(self, proposer: Proposer, version_id: UUID, report: TestReport) -> None:
        """Keep the report with the version and move it to `tested` or `rejected`."""
        ...

    async def admit(self, proposer: Proposer, version_id: UUID, report: GateReport) -> StoredCandidate:
        """Keep the report, and decide: `active`, `quarantined` until a person enables it, or `rejected`.

        The tenant's rules decide; nothing that the proposer says does.
        """
        ...


__all__ = [
    "Candidate",
    "CandidateState",
    "Capability",
    "CapabilityLibrary",
    "CapabilityStore",
    "Proposer",
    "ScoredCapability",
    "StoredCandidate",
    "TestReport",
]
