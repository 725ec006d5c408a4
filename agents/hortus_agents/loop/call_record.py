"""A tool call as the log tells it: asked for, let through by a person, begun, in doubt, finished."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID, uuid5

from hortus_agents import events as ev
from hortus_agents.loop.steering import Steerings
from hortus_agents.messages import ToolCall


@dataclass(frozen=True, slots=True)
class PersonsWord:
    """What a person was asked about a call, and what came of it so far."""

    id: UUID
    kind: ev.ApprovalKind
    call_sha256: str
    expires_at: datetime
    question: str
    persons: int
    outcome: ev.ApprovalOutcome = "pending"
    reason: str = ""
    answer: str | None = None
    by: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """As many `persons` as were asked let exactly this call (`call_sha256`) run once; `used` once it began."""

    approval_id: UUID
    call_sha256: str
    persons: int = 1
    used: bool = False


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A tool call of a step: not begun, begun (`called`: in doubt after a crash) or finished (`result`).

    `attempt` counts how often it began, `asked` how often a person was asked about it; `word` is the last time of
    those. `due_at` is when a call that only waits is over, `waited` that it is. `refused` is why a policy denied a call
    that has no result yet.
    """

    call: ToolCall
    called: bool = False
    doubted: bool = False
    result: ev.ToolFinished | None = None
    attempt: int = 0
    called_at: datetime | None = None
    worker_id: str = ""
    asked: int = 0
    word: PersonsWord | None = None
    grant: Grant | None = None
    due_at: datetime | None = None
    waited: bool = False
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One model call with the tool calls that it asked for; `heard` is what the user had said to the run before it."""

    number: int
    text: str
    answer: str | None
    guard: str | None
    calls: tuple[CallRecord, ...] = ()
    heard: Steerings = ()


def approval_id(run_id: UUID, record: CallRecord) -> UUID:
    """The id of the next approval that this call needs; the same whoever computes it."""
    return uuid5(run_id, f"approval/{record.call.id}/{record.asked + 1}")


def timer_id(run_id: UUID, call_id: str) -> UUID:
    """The id of the timer that a call waits for."""
    return uuid5(run_id, f"timer/{call_id}")


def begun(record: CallRecord, payload: ev.ToolCalled, *, at: datetime, by: str) -> CallRecord:
    """A worker runs it, for the first time or again; from here on a crash leaves it in doubt."""
    grant = record.grant
    if grant is not None and grant.approval_id == payload.approval_id:
        grant = replace(grant, used=True)
    return replace(
        record,
        called=True,
        doubted=False,
        attempt=payload.attempt,
        called_at=at,
        worker_id=by,
        word=None,
        grant=grant,
    )


def judged(record: CallRecord, payload: ev.PolicyDecided) -> CallRecord:
    """A rule decided; only a denial is the end of it."""
    return replace(record, refused=payload.reason) if payload.effect == "deny" else record


def doubted(record: CallRecord, _payload: ev.ToolInDoubt) -> CallRecord:
    """Its worker died."""
    return replace(record, doubted=True)


def parked(record: CallRecord, run_id: UUID, reason: ev.WaitReason) -> CallRecord:
    """The run waits, for a timer that may be this call's."""
    is_own = reason.kind == "timer" and reason.ref_id == timer_id(run_id, record.call.id)
    return replace(record, due_at=reason.due_at) if is_own else record


def resumed(record: CallRecord, run_id: UUID, payload: ev.RunResumed) -> CallRecord:
    """The run goes on, because of a timer that may be this call's."""
    is_own = payload.ref_id is not None and payload.ref_id == timer_id(run_id, record.call.id)
    return replace(record, waited=True) if is_own else record


def asked(record: CallRecord, payload: ev.ApprovalRequested) -> CallRecord:
    """A person has to decide."""
    word = PersonsWord(
        payload.approval_id, payload.kind, payload.call_sha256, payload.expires_at, payload.reason, payload.persons
    )
    return replace(record, asked=record.asked + 1, word=word)


def decided(record: CallRecord, payload: ev.ApprovalDecided) -> CallRecord:
    """Somebody did; the last decision is the one that counts."""
    if record.word is None or record.word.id != payload.approval_id:
        return record
    word = replace(record.word, outcome=payload.outcome, reason=payload.reason, answer=payload.answer, by=payload.by)
    grant = _granted(record.grant, word) if word.outcome == "approved" else record.grant
    return replace(record, word=word, grant=grant)


def _granted(before: Grant | None, word: PersonsWord) -> Grant:
    """Who let the very same call through before counts where it is to run again."""
    same = before is not None and before.call_sha256 == word.call_sha256
    return Grant(word.id, word.call_sha256, max(word.persons, before.persons if before and same else 1))


def expired(record: CallRecord, payload: ev.ApprovalExpired) -> CallRecord:
    """Nobody did."""
    if record.word is None or record.word.id != payload.approval_id:
        return record
    return replace(record, word=replace(record.word, outcome="expired"))
