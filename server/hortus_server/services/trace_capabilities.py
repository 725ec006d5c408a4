"""What a run's trace shows of the tools that agents write."""

from collections.abc import Callable

from hortus_agents import events as ev
from hortus_agents.events import Event
from hortus_server.domain.trace import ToolVersionUsed, TraceTree


def _requested(tree: TraceTree, event: Event, payload: ev.CapabilityRequested) -> None:
    tree.add(event, "capability", f"asks for {payload.name}", detail=payload.purpose)


def _proposed(tree: TraceTree, event: Event, payload: ev.CapabilityProposed) -> None:
    version = payload.tool_version_id
    tree.add(event, "capability", f"proposes {payload.name}", attempt=payload.attempt, tool_version_id=version)


def _tested(tree: TraceTree, event: Event, payload: ev.CapabilityTested) -> None:
    tree.add(
        event,
        "capability",
        "passes its tests" if payload.passed else "fails its tests",
        state="ok" if payload.passed else "failed",
        detail=f"{payload.cases} cases in {payload.tier}: {payload.detail}",
        attempt=payload.attempt,
        tool_version_id=payload.tool_version_id,
    )


def _bound(tree: TraceTree, event: Event, payload: ev.CapabilityActivated | ev.CapabilityReused) -> None:
    used = ToolVersionUsed(payload.tool_version_id, payload.name, payload.version)
    tree.known[used.id] = used
    reused = isinstance(payload, ev.CapabilityReused)
    label = f"reuses {payload.name}" if reused else f"{payload.name} is active"
    tree.add(event, "capability", label, state="ok", detail=f"version {payload.version}", tool_version_id=used.id)


def _checked(tree: TraceTree, event: Event, payload: ev.CapabilityChecked) -> None:
    tree.add(
        event,
        "capability",
        "passes its gates" if payload.passed else "fails its gates",
        state="ok" if payload.passed else "failed",
        detail=f"{payload.findings} findings, {payload.negative_tests} negative tests: {payload.detail}",
        attempt=payload.attempt,
        tool_version_id=payload.tool_version_id,
    )


def _quarantined(tree: TraceTree, event: Event, payload: ev.CapabilityQuarantined) -> None:
    label, version = f"{payload.name} waits for a person", payload.tool_version_id
    tree.add(event, "capability", label, detail=payload.reason, tool_version_id=version)


def _disabled(tree: TraceTree, event: Event, payload: ev.CapabilityDisabled) -> None:
    tree.add(event, "capability", f"{payload.name} was disabled", detail=payload.reason)


CAPABILITY_TAKES: dict[type, Callable[..., None]] = {
    ev.CapabilityRequested: _requested,
    ev.CapabilityProposed: _proposed,
    ev.CapabilityTested: _tested,
    ev.CapabilityChecked: _checked,
    ev.CapabilityQuarantined: _quarantined,
    ev.CapabilityActivated: _bound,
    ev.CapabilityReused: _bound,
    ev.CapabilityDisabled: _disabled,
}
