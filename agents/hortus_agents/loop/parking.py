"""Calls that wait: what is noted when a run parks for a person or a timer, and what a person's word comes to."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from hortus_agents.events import ApprovalKind, ApprovalRequested, RunWaiting, WaitReason
from hortus_agents.loop.call_record import CallRecord, PersonsWord, approval_id, timer_id
from hortus_agents.loop.journal import Journal
from hortus_agents.loop.step import StepDeps
from hortus_agents.tools.identity import call_sha256, tool_version
from hortus_agents.tools.policy import Approve
from hortus_agents.tools.port import AskPerson, SideEffect, ToolDefinition
from hortus_agents.tools.proxy import Observation

_DETAIL = 500  # characters of a reason in lists
_UNKNOWN_VERSION = "unknown"


@dataclass(frozen=True, slots=True)
class _Asking:
    """What a person is asked."""

    kind: ApprovalKind
    reason: str
    expires_s: float
    persons: int = 1
    rule: str = ""
    choices: tuple[str, ...] = ()


def ask_approval(journal: Journal, record: CallRecord, definition: ToolDefinition, verdict: Approve) -> None:
    """Park until a person has decided on a call."""
    _ask(journal, record, definition, _Asking("call", verdict.reason, verdict.expires_s, verdict.persons, verdict.rule))


def ask_question(journal: Journal, record: CallRecord, deps: StepDeps, asked: AskPerson) -> None:
    """Park until a person has answered."""
    expires_s = asked.expires_s or deps.spec.approval.expires_s
    asking = _Asking("question", asked.question, expires_s, choices=asked.choices)
    _ask(journal, record, deps.tools.definition(record.call.name), asking)


def ask_about_doubt(journal: Journal, record: CallRecord, deps: StepDeps) -> None:
    """Park until a person has said what became of a call, or what to do about it."""
    name = record.call.name
    definition = deps.tools.definition(name)
    reason = f"the worker died during {name}: whether it took effect is unknown"
    persons = 2 if definition is not None and definition.side_effect >= SideEffect.IRREVERSIBLE else 1
    _ask(journal, record, definition, _Asking("doubt", reason, deps.spec.approval.expires_s, persons))


def park_again(journal: Journal, word: PersonsWord) -> None:
    """Nobody has decided yet: the run was taken up for another reason."""
    kind = "input" if word.kind == "question" else "approval"
    reason = WaitReason(kind=kind, detail=word.question[:_DETAIL], ref_id=word.id, due_at=word.expires_at)
    journal.note(RunWaiting(reason=reason))


def set_timer(journal: Journal, record: CallRecord, due_at: datetime) -> None:
    """Park until a time."""
    reason = WaitReason(
        kind="timer",
        detail=f"{record.call.name} until {due_at.isoformat(timespec='seconds')}",
        ref_id=timer_id(journal.state.run_id, record.call.id),
        due_at=due_at,
    )
    journal.note(RunWaiting(reason=reason))


def refusal(word: PersonsWord) -> Observation:
    """What a call comes to that a person did not approve."""
    if word.outcome == "expired":
        return Observation("denied", "nobody approved this call in time, so it was not made")
    why = f": {word.reason}" if word.reason else ""
    return Observation("denied", f"a person denied this call, so it was not made{why}")


def answer(word: PersonsWord) -> Observation:
    """What a question comes to."""
    if word.outcome == "answered":
        return Observation("ok", word.answer or "", origin="user")
    if word.outcome == "expired":
        return Observation("failed", "nobody answered in time")
    why = f": {word.reason}" if word.reason else ""
    return Observation("denied", f"the person declined to answer{why}")


def settled_doubt(word: PersonsWord) -> Observation:
    """What a call in doubt comes to that is not to run again."""
    if word.outcome == "answered":
        return Observation("ok", word.answer or "a person has found that this call took effect", origin="user")
    if word.outcome == "expired":
        return Observation("failed", "the worker died during this call: its effect is unknown and nobody found out")
    why = f" ({word.reason})" if word.reason else ""
    return Observation(
        "failed", f"the worker died during this call and a person gave it up{why}: its effect is unknown"
    )


def _ask(journal: Journal, record: CallRecord, definition: ToolDefinition | None, asking: _Asking) -> None:
    version = _UNKNOWN_VERSION if definition is None else tool_version(definition)
    request = ApprovalRequested(
        approval_id=approval_id(journal.state.run_id, record),
        kind=asking.kind,
        call_id=record.call.id,
        name=record.call.name,
        tool_version=version,
        arguments=record.call.arguments,
        call_sha256=call_sha256(record.call, version),
        side_effect=3 if definition is None else int(definition.side_effect),
        reason=asking.reason,
        persons=asking.persons,
        choices=asking.choices,
        expires_at=journal.now() + timedelta(seconds=asking.expires_s),
        started_at=record.called_at if asking.kind == "doubt" else None,
        worker_id=record.worker_id if asking.kind == "doubt" else None,
        rule=asking.rule,
        untrusted=journal.state.labels.untrusted,
        sensitive=journal.state.labels.sensitive,
    )
    journal.note(request)
    reason = WaitReason(
        kind="input" if asking.kind == "question" else "approval",
        detail=asking.reason[:_DETAIL],
        ref_id=request.approval_id,
        due_at=request.expires_at,
    )
    journal.note(RunWaiting(reason=reason))
