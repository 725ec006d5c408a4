"""What evolution needs of the store of capabilities."""

from dataclasses import dataclass
from typing import Literal, Protocol
from uuid import UUID

from hortus_agents.messages import JsonObject
from hortus_agents.tools.capability import Capability, CapabilityLibrary, ScoredCapability

CandidateState = Literal["proposed", "tested", "active", "disabled", "rejected"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A tool that was written and not yet accepted; `attempt` counts from 1 inside the call that asked for it."""

    name: str
    description: str
    parameters: JsonObject
    returns: JsonObject
    source: str
    function: str
    attempt: int


@dataclass(frozen=True, slots=True)
class StoredCandidate:
    """A candidate with its place in the store."""

    capability: Capability
    state: CandidateState


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

    async def propose(self, tenant_id: UUID, *, run_id: UUID, call_id: str, candidate: Candidate) -> StoredCandidate:
        """Store a candidate as the next version of its name; the same (call, attempt, source) again is the same row."""
        ...

    async def of_call(self, tenant_id: UUID, *, run_id: UUID, call_id: str) -> list[StoredCandidate]:
        """Candidates that one call proposed, oldest first."""
        ...

    async def record_test(self, tenant_id: UUID, version_id: UUID, report: TestReport) -> None:
        """Keep the report with the version and move it to `tested` or `rejected`."""
        ...

    async def activate(self, tenant_id: UUID, version_id: UUID) -> Capability:
        """Make a version whose test passed the active one of its tool."""
        ...


__all__ = [
    "Candidate",
    "CandidateState",
    "Capability",
    "CapabilityLibrary",
    "CapabilityStore",
    "ScoredCapability",
    "StoredCandidate",
    "TestReport",
]
