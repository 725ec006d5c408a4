"""The state of a run: a pure fold over its session's events, and nothing else."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from hortus_agents import events as ev
from hortus_agents.events import Event, EventPayload
from hortus_agents.labels import NOTHING_READ, Label, RunLabels
from hortus_agents.limits import LimitName, Spent
from hortus_agents.loop import call_record, plan
from hortus_agents.loop.binding import Bound, bind, unbind
from hortus_agents.loop.call_record import CallRecord, StepRecord
from hortus_agents.loop.labelling import after, overheard, told_before
from hortus_agents.loop.plan import PlanState
from hortus_agents.loop.steering import Steering, Steerings, split_heard
from hortus_agents.messages import Message, Usage

HISTORY_MESSAGES = 20

RunStatus = Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled", "budget_exhausted"]


@dataclass(frozen=True, slots=True)
class RunState:
    """What the next step needs to know, and what a run has used.

    `history` holds the last `history_messages` user and assistant messages of the session's earlier runs. `step` is
    the number of the last step begun. `emitted` are the events that the tool call now in flight gave out itself.
    `started_at` is later by what the run waited since. `opened` says that memory and library were consulted;
    `taken_over` that a worker took the run over, or up after a wait, and did no model call; `failures` counts failed
    model calls since the last finished one, the first of them at `failing_since`; `unwritten` says that the run waits
    for its model, and that readers saw nothing of the next message; `prompt_tokens` is the length of the last prompt
    of the agent's own; `worker_id` names the worker that has the run, or had it last; `unheard` is what the user said
    to the run and no model call has seen yet; of the limits in `warned` the log says that they are nearly used up.
    `labels` say what the run has read by now, `message_label` that the message is not the user's own words; `plan` is
    what the run follows, where its strategy makes one.
    """

    run_id: UUID
    history_messages: int = HISTORY_MESSAGES
    status: RunStatus = "queued"
    history: tuple[Message, ...] = ()
    user_message: str | None = None
    waiting_for: ev.WaitReason | None = None
    waiting_since: datetime | None = None
    started_at: datetime | None = None
    opened: bool = False
    taken_over: bool = False
    recalled: ev.MemoryRecalled | None = None
    capabilities: Bound = ()
    step: int = 0
    steps: tuple[StepRecord, ...] = ()
    emitted: tuple[EventPayload, ...] = ()
    failures: int = 0
    failing_since: datetime | None = None
    unwritten: bool = False
    prompt_tokens: int = 0
    spent: Spent = field(default_factory=Spent)
    usage: Usage = field(default_factory=Usage)
    output: str | None = None
    worker_id: str = ""
    unheard: Steerings = ()
    warned: frozenset[LimitName] = frozenset()
    labels: RunLabels = NOTHING_READ
    message_label: Label | None = None
    plan: PlanState | None = None

    @property
    def finished(self) -> bool:
        """Nothing more may happen in this run."""
        return self.status not in {"queued", "running", "waiting"}

    @property
    def parked(self) -> bool:
        """The run waits for something and holds no worker."""
        return self.status == "waiting"

    @property
    def pending(self) -> tuple[CallRecord, ...]:
        """Calls of the last model call that have no result yet, in order."""
        return tuple(record for record in self.steps[-1].calls if record.result is None) if self.steps else ()


def fold_session(events: Iterable[Event], run_id: UUID, *, history_messages: int = HISTORY_MESSAGES) -> RunState:
    """The state of `run_id` after `events`, which are in the order of the log; of others that were undone, nothing."""
    state = RunState(run_id=run_id, history_messages=history_messages)
    log = tuple(events)
    undone = {event.run_id for event in log if isinstance(event.payload, ev.RunRolledBack)} - {run_id}
    for event in log:
        state = state if event.run_id in undone else fold(state, event)
    return state


def fold(state: RunState, event: Event) -> RunState:
    """The state after one more event of the session's log."""
    if event.run_id == state.run_id:
        return apply(state, event.payload, step=event.step, at=event.at)
    return _fold_other(state, event)


def apply(state: RunState, payload: EventPayload, *, step: int, at: datetime) -> RunState:
    """The state after an event of the run itself; types without a fold change nothing."""
    fold_one = FOLDS.get(type(payload))
    folded = state if fold_one is None else fold_one(state, payload, step, at)
    labels = after(folded.labels, payload)
    return folded if labels is folded.labels else replace(folded, labels=labels)


def _fold_other(state: RunState, event: Event) -> RunState:
    """Earlier runs of the session leave their conversation and their tools; what comes later, nothing."""
    if state.step:
        return state
    payload = event.payload
    told = told_before(payload)
    if told is not None:
        return _with_history(replace(state, labels=overheard(state.labels, payload)), told)
    if isinstance(payload, ev.CapabilityActivated | ev.CapabilityReused):
        return _bind(replace(state, labels=after(state.labels, payload)), payload, step=0, own=False)
    if isinstance(payload, ev.CapabilityDisabled):
        return _disable(state, payload, 0, event.at)
    return state


def _with_history(state: RunState, message: Message) -> RunState:
    kept = (*state.history, message)[-state.history_messages :] if state.history_messages else ()
    return replace(state, history=kept)


def _bind(
    state: RunState, payload: ev.CapabilityActivated | ev.CapabilityReused, *, step: int, own: bool = True
) -> RunState:
    return replace(state, capabilities=bind(state.capabilities, payload, step=step, own=own))


def _queued(state: RunState, _payload: ev.RunQueued, _step: int, _at: datetime) -> RunState:
    if state.user_message is None and state.history and state.history[-1].role == "user":
        # The message may have been logged without a run's id, just before the run that it asks for.
        return replace(state, user_message=state.history[-1].content, history=state.history[:-1])
    return state


def _created(state: RunState, payload: ev.MessageCreated, _step: int, _at: datetime) -> RunState:
    if payload.steers:
        return replace(state, unheard=(*state.unheard, Steering(payload.message_id, payload.content, payload.label)))
    return replace(state, user_message=payload.content, message_label=payload.label)


def _started(state: RunState, payload: ev.RunStarted, _step: int, at: datetime) -> RunState:
    state = replace(state, worker_id=payload.worker_id)
    # Where calls are pending, the next message has not begun, so there is nothing of it to go on with.
    taken_over = payload.generation > 1 and not state.pending and not state.unwritten
    began = (state.started_at or at) + (at - (state.waiting_since or at))
    return replace(
        state, status="running", waiting_since=None, started_at=began, taken_over=taken_over, unwritten=False
    )


def _waiting(state: RunState, payload: ev.RunWaiting, _step: int, at: datetime) -> RunState:
    state = _with_calls(state, lambda record: call_record.parked(record, state.run_id, payload.reason))
    if payload.reason.kind == "model":  # it is the run that takes so long: that time counts
        return replace(state, status="waiting", waiting_for=payload.reason, unwritten=not payload.partial_output)
    return replace(state, status="waiting", waiting_for=payload.reason, waiting_since=state.started_at and at)


def _resumed(state: RunState, payload: ev.RunResumed, _step: int, _at: datetime) -> RunState:
    state = _with_calls(state, lambda record: call_record.resumed(record, state.run_id, payload))
    return replace(state, status="queued", waiting_for=None)


def _completed(state: RunState, payload: ev.MessageCompleted, _step: int, _at: datetime) -> RunState:
    return replace(state, output=payload.content)


def _restarted(state: RunState, _payload: ev.MessageRestarted, _step: int, _at: datetime) -> RunState:
    return replace(state, taken_over=False)


def _step_started(state: RunState, _payload: ev.StepStarted, step: int, _at: datetime) -> RunState:
    return replace(state, step=step, opened=True, spent=state.spent.model_copy(update={"steps": step}))


def _model_called(state: RunState, payload: ev.ModelCalled, step: int, _at: datetime) -> RunState:
    usage = state.usage + payload.usage
    spent = state.spent.model_copy(
        update={
            "model_calls": state.spent.model_calls + 1,
            "tokens": usage.total_tokens,
            "cost_micros": state.spent.cost_micros + payload.cost_micros,
        }
    )
    state = replace(state, usage=usage, spent=spent, failures=0, failing_since=None, taken_over=False)
    heard, unheard = split_heard(state.unheard, payload.heard)
    if payload.purpose != "act":
        return _emitted(replace(state, unheard=unheard), payload, step, _at)
    calls = tuple(CallRecord(call) for call in payload.tool_calls)
    record = StepRecord(step, payload.text, payload.answer, payload.guard, calls, heard)
    state = replace(state, steps=(*state.steps, record), unheard=unheard)
    return replace(state, emitted=(), prompt_tokens=payload.usage.prompt_tokens)


def _model_failed(state: RunState, payload: ev.ModelFailed, step: int, at: datetime) -> RunState:
    if payload.purpose != "act":
        return _emitted(state, payload, step, at)
    return replace(state, failures=state.failures + 1, failing_since=state.failing_since or at)


def _planned(state: RunState, payload: ev.PlanMade, _step: int, _at: datetime) -> RunState:
    return replace(state, plan=plan.made(state.plan, payload))


def _advanced(state: RunState, payload: ev.PlanAdvanced, step: int, _at: datetime) -> RunState:
    record = StepRecord(step, "", None, None, (CallRecord(payload.call),))
    return replace(state, steps=(*state.steps, record), plan=plan.advanced(state.plan, payload))


def _tool_called(state: RunState, payload: ev.ToolCalled, _step: int, at: datetime) -> RunState:
    spent = state.spent.model_copy(update={"tool_calls": state.spent.tool_calls + (payload.attempt == 1)})
    begun = _with_call(state, payload.call_id, lambda r: call_record.begun(r, payload, at=at, by=state.worker_id))
    return replace(begun, spent=spent, emitted=())


def _tool_finished(state: RunState, payload: ev.ToolFinished, _step: int, _at: datetime) -> RunState:
    ended = _with_call(state, payload.call_id, lambda r: replace(r, result=payload))
    return replace(ended, emitted=(), plan=plan.finished(state.plan, payload))


def _of_call(change: Callable[..., CallRecord]) -> Callable[..., RunState]:
    def fold_one(state: RunState, payload: ev.ApprovalRequested, _step: int, _at: datetime) -> RunState:
        return _with_call(state, payload.call_id, lambda record: change(record, payload))

    return fold_one


def _with_call(state: RunState, call_id: str, change: Callable[[CallRecord], CallRecord]) -> RunState:
    return _with_calls(state, lambda record: change(record) if record.call.id == call_id else record)


def _with_calls(state: RunState, change: Callable[[CallRecord], CallRecord]) -> RunState:
    if not state.steps:
        return state
    last = state.steps[-1]
    return replace(state, steps=(*state.steps[:-1], replace(last, calls=tuple(map(change, last.calls)))))


def _recalled(state: RunState, payload: ev.MemoryRecalled, step: int, at: datetime) -> RunState:
    if state.steps:
        return _emitted(state, payload, step, at)
    return replace(state, recalled=payload)


def _activated(state: RunState, payload: ev.CapabilityActivated, step: int, at: datetime) -> RunState:
    return _emitted(_bind(state, payload, step=step), payload, step, at)


def _reused(state: RunState, payload: ev.CapabilityReused, step: int, at: datetime) -> RunState:
    return _emitted(_bind(state, payload, step=step), payload, step, at)


def _disable(state: RunState, payload: ev.CapabilityDisabled, _step: int, _at: datetime) -> RunState:
    return replace(state, capabilities=unbind(state.capabilities, payload))


def _emitted(state: RunState, payload: EventPayload, _step: int, _at: datetime) -> RunState:
    return replace(state, emitted=(*state.emitted, payload)) if state.pending else state


def _ended(state: RunState, payload: EventPayload, _step: int, _at: datetime) -> RunState:
    match payload:
        case ev.RunSucceeded():
            return replace(state, status="succeeded")
        case ev.RunFailed():
            return replace(state, status="failed")
        case ev.RunCancelled():
            return replace(state, status="cancelled", output=payload.partial_output)
        case ev.RunBudgetExhausted():
            return replace(state, status="budget_exhausted", output=payload.partial_output or state.output)
        case _:
            raise TypeError(f"{type(payload).__name__} ends no run")


FOLDS: dict[type, Callable[..., RunState]] = {
    ev.RunQueued: _queued,
    ev.MessageCreated: _created,
    ev.RunStarted: _started,
    ev.RunWaiting: _waiting,
    ev.RunResumed: _resumed,
    ev.MessageCompleted: _completed,
    ev.MessageRestarted: _restarted,
    ev.BudgetWarned: lambda state, payload, _step, _at: replace(state, warned=state.warned | {payload.limit}),
    ev.StepStarted: _step_started,
    ev.PlanMade: _planned,
    ev.PlanAdvanced: _advanced,
    ev.ModelCalled: _model_called,
    ev.ModelFailed: _model_failed,
    ev.PolicyDecided: _of_call(call_record.judged),
    ev.ToolCalled: _tool_called,
    ev.ToolFinished: _tool_finished,
    ev.ToolInDoubt: _of_call(call_record.doubted),
    ev.ApprovalRequested: _of_call(call_record.asked),
    ev.ApprovalDecided: _of_call(call_record.decided),
    ev.ApprovalExpired: _of_call(call_record.expired),
    ev.MemoryRecalled: _recalled,
    ev.MemoryWritten: _emitted,
    ev.CapabilityRequested: _emitted,
    ev.CapabilityProposed: _emitted,
    ev.CapabilityTested: _emitted,
    ev.CapabilityChecked: _emitted,
    ev.CapabilityQuarantined: _emitted,
    ev.CapabilityActivated: _activated,
    ev.CapabilityReused: _reused,
    ev.CapabilityDisabled: _disable,
    ev.RunSucceeded: _ended,
    ev.RunFailed: _ended,
    ev.RunCancelled: _ended,
    ev.RunBudgetExhausted: _ended,
}
WITHOUT_EFFECT: frozenset[type] = frozenset({ev.SessionCreated, ev.SessionForked, ev.RunRolledBack})
"""Payloads that the state of their own run does not depend on; a test asks that every other type has a fold."""
