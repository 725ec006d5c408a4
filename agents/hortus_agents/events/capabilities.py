"""Tools that agents write for themselves."""

from typing import Literal
from uuid import UUID

from hortus_agents.labels import Label
from hortus_agents.messages import Frozen


class CapabilityRequested(Frozen):
    """An agent asked for a tool that it does not have."""

    type: Literal["capability.requested"] = "capability.requested"
    call_id: str
    name: str
    purpose: str


class CapabilityProposed(Frozen):
    """A candidate's signature and source exist; nothing has run yet."""

    type: Literal["capability.proposed"] = "capability.proposed"
    call_id: str
    name: str
    attempt: int
    tool_id: UUID
    tool_version_id: UUID
    source_sha256: str


class CapabilityTested(Frozen):
    """A candidate ran against its tests in the sandbox; `detail` says what was checked."""

    type: Literal["capability.tested"] = "capability.tested"
    call_id: str
    tool_version_id: UUID
    attempt: int
    passed: bool
    cases: int
    detail: str
    tier: str


class CapabilityChecked(Frozen):
    """A candidate whose tests passed was scanned, and called with hostile arguments; `detail` says what came of it."""

    type: Literal["capability.checked"] = "capability.checked"
    call_id: str
    tool_version_id: UUID
    attempt: int
    passed: bool
    findings: int
    negative_tests: int
    detail: str
    tier: str


class CapabilityQuarantined(Frozen):
    """A candidate passed its tests and waits for a person to enable it; no run uses it until then."""

    type: Literal["capability.quarantined"] = "capability.quarantined"
    call_id: str
    name: str
    tool_id: UUID
    tool_version_id: UUID
    version: int
    reason: str


class CapabilityActivated(Frozen):
    """A tested candidate became the active version of its tool."""

    type: Literal["capability.activated"] = "capability.activated"
    call_id: str
    name: str
    tool_id: UUID
    tool_version_id: UUID
    version: int
    label: Label | None = None


class CapabilityReused(Frozen):
    """An evolved tool was bound to this run from the library, without synthesis."""

    type: Literal["capability.reused"] = "capability.reused"
    name: str
    tool_id: UUID
    tool_version_id: UUID
    version: int
    score: float
    label: Label | None = None


class CapabilityDisabled(Frozen):
    """A person took a tool out of use."""

    type: Literal["capability.disabled"] = "capability.disabled"
    name: str
    tool_id: UUID
    tool_version_id: UUID
    reason: str
