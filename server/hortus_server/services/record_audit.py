"""Audit entries of what happens outside a transaction of its own, and of what runs do."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final

from hortus_agents.events import Event, PolicyDecided, ToolCalled, ToolFinished
from hortus_agents.messages import JsonObject
from hortus_server.domain.audit import Actor, NewAuditEntry, canonical_json
from hortus_server.domain.records import Claim
from hortus_server.ports.store import Store

AUDITED_CLASS: Final = 2
REASON_CHARS: Final = 500


async def record_audit(store: Store, entry: NewAuditEntry) -> None:
    """Append an entry in a transaction of its own: for refusals, and for acts that leave no other row."""
    async with store.transaction(entry.tenant_id) as uow:
        await uow.audit.append(entry)


def entries_of_calls(claim: Claim, events: Sequence[Event], *, effect: int | None) -> Iterator[NewAuditEntry]:
    """What the log keeps of a run's events: calls with effects outside (`effect` is their class), and refusals.

    A call that a policy denied is told of by its decision, which names the rule; its result says no more.
    """
    for event in events:
        match event.payload:
            case ToolCalled() as called if effect is not None and effect >= AUDITED_CLASS:
                yield tool_called(claim, called, effect=effect)
            case PolicyDecided(effect="deny") as denied:
                rule = f"{denied.policy}/{denied.rule} (version {denied.policy_version})"
                yield tool_denied(claim, denied.name, denied.call_id, reason=denied.reason, rule=rule)
            case PolicyDecided(effect="approve") as held:
                yield tool_held(claim, held)
            case ToolFinished(outcome="denied", error="forbidden"):
                pass
            case ToolFinished(outcome="denied") as finished:
                yield tool_denied(claim, finished.name, finished.call_id, reason=finished.content)
            case _:
                pass


def tool_called(claim: Claim, called: ToolCalled, *, effect: int) -> NewAuditEntry:
    """A call that is about to reach outside; its arguments stand in the run's log, here only their hash."""
    return _entry(
        claim,
        "tool.called",
        called.name,
        {
            "call_id": called.call_id,
            "class": effect,
            "attempt": called.attempt,
            "arguments_sha256": _digest(called.arguments),
            "approval_id": str(called.approval_id) if called.approval_id else None,
            "tool_version_id": str(called.tool_version_id) if called.tool_version_id else None,
        },
    )


def tool_denied(claim: Claim, name: str, call_id: str, *, reason: str, rule: str = "") -> NewAuditEntry:
    """A call that was refused; `rule` names what refused it."""
    return _entry(
        claim, "tool.denied", name, {"call_id": call_id, "reason": reason[:REASON_CHARS], "rule": rule or None}
    )


def tool_held(claim: Claim, held: PolicyDecided) -> NewAuditEntry:
    """A call that waits for people."""
    return _entry(
        claim,
        "tool.held",
        held.name,
        {
            "call_id": held.call_id,
            "class": held.side_effect,
            "persons": held.persons,
            "reason": held.reason[:REASON_CHARS],
            "rule": f"{held.policy}/{held.rule} (version {held.policy_version})",
        },
    )


def _entry(claim: Claim, action: str, tool: str, detail: JsonObject) -> NewAuditEntry:
    run = claim.run
    return NewAuditEntry(
        run.tenant_id,
        Actor("agent", str(run.agent_id), claim.agent_name),
        action,
        f"tool:{tool}",
        {"run_id": str(run.id), "agent_version": claim.agent_version, **detail},
    )


def _digest(arguments: JsonObject) -> str:
    return hashlib.sha256(canonical_json(arguments).encode()).hexdigest()
