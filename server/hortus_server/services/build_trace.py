"""From a run's events to the tree of what it did. A pure fold."""

from collections.abc import Callable, Iterable
from datetime import timedelta

from hortus_agents import events as ev
from hortus_agents.events import TERMINAL_EVENTS, Event
from hortus_server.domain.trace import MemoryUse, Span, SpanState, TraceTree
from hortus_server.services.trace_capabilities import CAPABILITY_TAKES


def build_trace(events: Iterable[Event]) -> TraceTree:
    """Fold them; types that have no place in the tree are left out."""
    tree = TraceTree()
    for event in events:
        tree.enter(event)
        take_one = _TAKES.get(type(event.payload))
        if take_one is not None:
            take_one(tree, event, event.payload)
        elif event.type in TERMINAL_EVENTS:
            _finish(tree, event)
    return tree


def _queued(tree: TraceTree, event: Event, payload: ev.RunQueued) -> None:
    label = f"waits for a worker (version {payload.agent_version})"
    tree.queue = tree.add(event, "queue", label, ended_at=None, state="running")


def _started(tree: TraceTree, event: Event, payload: ev.RunStarted) -> None:
    if tree.queue is None or tree.queue.ended_at is not None:
        detail = f"generation {payload.generation}"
        label = f"taken over by {payload.worker_id}"
        tree.add(event, "run", label, within=False, detail=detail, worker_id=payload.worker_id)
        return
    tree.queue.worker_id = payload.worker_id
    tree.queue.detail = f"claimed by {payload.worker_id}"
    tree.queue.seqs.append(event.seq)
    tree.queue.end(event.at, "ok")


def _waiting(tree: TraceTree, event: Event, payload: ev.RunWaiting) -> None:
    reason = payload.reason
    tree.leave(event.at)
    tree.step = None
    span = Span("wait", f"waits for: {reason.kind}", 0, event.at, state="running", detail=reason.detail)
    span.ref_id = reason.ref_id
    span.seqs.append(event.seq)
    tree.spans.append(span)
    tree.queue = span


def _resumed(tree: TraceTree, event: Event, payload: ev.RunResumed) -> None:
    if tree.queue is not None and tree.queue.kind == "wait" and tree.queue.ended_at is None:
        tree.queue.end(event.at, "ok")
        tree.queue.seqs.append(event.seq)
        tree.queue.detail = " ".join(filter(None, (tree.queue.detail, payload.reason, payload.by)))
    tree.queue = tree.add(event, "queue", "waits for a worker", ended_at=None, state="running")


def _step_started(tree: TraceTree, event: Event, payload: ev.StepStarted) -> None:
    if tree.step is not None:
        names = ", ".join(payload.bound_tools)
        tree.step.detail = f"may use {names}" if names else "without tools"
        tree.step.seqs.append(event.seq)


def _model_called(tree: TraceTree, event: Event, payload: ev.ModelCalled) -> None:
    tree.models[payload.model] = None
    act = payload.purpose == "act"
    guard = f"guard: {payload.guard}" if payload.guard else ""
    tree.add(
        event,
        "model",
        payload.model if act else f"{payload.model} for {payload.purpose}",
        within=not act,
        started_at=event.at - timedelta(milliseconds=payload.duration_ms),
        ended_at=event.at,
        state="ok",
        detail=", ".join(filter(None, (payload.finish_reason, payload.tool_mode, guard))),
        duration_ms=payload.duration_ms,
        first_token_ms=payload.first_token_ms,
        tokens=payload.usage,
        cost_micros=payload.cost_micros,
        model=payload.model,
        purpose=payload.purpose,
    )


def _model_failed(tree: TraceTree, event: Event, payload: ev.ModelFailed) -> None:
    again = " (tried again)" if payload.will_retry else ""
    tree.add(
        event,
        "model",
        f"model call failed: {payload.code}",
        within=payload.purpose != "act",
        state="failed",
        detail=f"{payload.message}{again}",
        purpose=payload.purpose,
        attempt=payload.attempt,
    )


def _tool_called(tree: TraceTree, event: Event, payload: ev.ToolCalled) -> None:
    if payload.tool_version_id is not None:
        tree.called[payload.tool_version_id] = payload.name
    tree.call = tree.add(
        event,
        "tool",
        payload.name,
        within=False,
        ended_at=None,
        state="running",
        call_id=payload.call_id,
        tool_version_id=payload.tool_version_id,
        attempt=payload.attempt,
        ref_id=payload.approval_id,
    )


def _tool_finished(tree: TraceTree, event: Event, payload: ev.ToolFinished) -> None:
    call = tree.call
    if call is None or call.call_id != payload.call_id:
        began = event.at - timedelta(milliseconds=payload.duration_ms)
        call = tree.add(event, "tool", payload.name, within=False, started_at=began, call_id=payload.call_id)
    else:
        call.seqs.append(event.seq)
    call.duration_ms = payload.duration_ms
    state: SpanState = "ok" if payload.outcome == "ok" else "note" if payload.outcome == "duplicate" else "failed"
    call.end(event.at, state)
    call.detail = payload.outcome if payload.tier is None else f"{payload.outcome}, {payload.tier}"
    tree.call = None


def _tool_in_doubt(tree: TraceTree, event: Event, payload: ev.ToolInDoubt) -> None:
    detail = f"policy: {payload.policy}"
    tree.add(event, "tool", f"{payload.name} in doubt", state="failed", detail=detail, call_id=payload.call_id)


def _policy_decided(tree: TraceTree, event: Event, payload: ev.PolicyDecided) -> None:
    state: SpanState = "failed" if payload.effect == "deny" else "note"
    rule = f"rule {payload.rule} of {payload.policy}"
    detail = ": ".join(filter(None, (rule, payload.reason)))
    label = f"policy: {payload.effect} {payload.name}"
    tree.add(event, "tool", label, state=state, detail=detail, call_id=payload.call_id, ref_id=payload.policy_id)


def _plan_made(tree: TraceTree, event: Event, payload: ev.PlanMade) -> None:
    again = f", revision {payload.revision}" if payload.revision else ""
    if payload.problem is not None:
        tree.add(event, "step", f"no usable plan{again}", state="failed", detail=payload.problem)
    else:
        tree.add(event, "step", f"plan of {len(payload.plan.get('steps', ()))} steps{again}", state="ok")


def _plan_advanced(tree: TraceTree, event: Event, payload: ev.PlanAdvanced) -> None:
    label = "asks to plan anew" if payload.index is None else f"step {payload.index + 1} of the plan"
    detail = f"from untrusted text: {', '.join(payload.tainted)}" if payload.tainted else ""
    tree.add(event, "step", label, detail=detail, call_id=payload.call.id)


def _approval_requested(tree: TraceTree, event: Event, payload: ev.ApprovalRequested) -> None:
    span = tree.add(event, "approval", f"{payload.kind}: {payload.name}", ended_at=None, state="running")
    span.detail, span.ref_id, span.call_id = payload.reason, payload.approval_id, payload.call_id
    tree.asked[payload.approval_id] = span


def _approval_decided(tree: TraceTree, event: Event, payload: ev.ApprovalDecided) -> None:
    said = f"{payload.decision} by {payload.by}" + (f": {payload.reason}" if payload.reason else "")
    span = tree.asked.get(payload.approval_id)
    if span is None:
        span = tree.add(event, "approval", payload.outcome, ref_id=payload.approval_id, call_id=payload.call_id)
    else:
        span.seqs.append(event.seq)
    span.detail = "; ".join(filter(None, (span.detail, said)))
    if payload.outcome != "pending":
        span.end(event.at, "ok" if payload.outcome in {"approved", "answered"} else "failed")


def _approval_expired(tree: TraceTree, event: Event, payload: ev.ApprovalExpired) -> None:
    span = tree.asked.get(payload.approval_id)
    if span is None:
        span = tree.add(event, "approval", "expired", ref_id=payload.approval_id, call_id=payload.call_id)
    else:
        span.seqs.append(event.seq)
    span.detail = "; ".join(filter(None, (span.detail, "nobody decided in time")))
    span.end(event.at, "failed")


def _recalled(tree: TraceTree, event: Event, payload: ev.MemoryRecalled) -> None:
    detail = "memory was not available" if payload.unavailable else "low confidence" if payload.low_confidence else ""
    tree.add(
        event,
        "memory",
        f"recalled {len(payload.items)} for “{payload.query}”",
        state="failed" if payload.unavailable else "note",
        detail=detail,
        memories=tuple(MemoryUse(item.memory_id, item.title, item.score) for item in payload.items),
    )


def _written(tree: TraceTree, event: Event, payload: ev.MemoryWritten) -> None:
    detail = f"{payload.kind}, from events {payload.source_first_seq} to {payload.source_last_seq}"
    tree.add(event, "memory", f"remembered “{payload.title}”", detail=detail)


def _restarted(tree: TraceTree, event: Event, payload: ev.MessageRestarted) -> None:
    tree.add(event, "run", "answer begins again", within=False, detail=payload.reason)


def _budget_warned(tree: TraceTree, event: Event, payload: ev.BudgetWarned) -> None:
    detail = f"{payload.used:g} of {payload.bound:g}"
    tree.add(event, "run", f"{payload.limit} nearly used up", within=False, detail=detail)


def _finish(tree: TraceTree, event: Event) -> None:
    if tree.queue is not None and tree.queue.ended_at is None:
        tree.queue.end(event.at, "note")
    if tree.call is not None and tree.call.ended_at is None:
        tree.call.end(event.at, "failed")
    tree.leave(event.at)
    tree.step = None
    label = event.type.removeprefix("run.")
    state: SpanState = "ok" if label == "succeeded" else "failed" if label == "failed" else "note"
    span = tree.add(event, "run", label.replace("_", " "), state=state)
    if isinstance(event.payload, ev.RunFailed):
        span.detail = f"{event.payload.code}: {event.payload.message}"
    elif isinstance(event.payload, ev.RunCancelled):
        span.detail = event.payload.reason
    elif isinstance(event.payload, ev.RunBudgetExhausted):
        span.detail = f"limit of {event.payload.limit}"


_TAKES: dict[type, Callable[..., None]] = {
    ev.RunQueued: _queued,
    ev.RunStarted: _started,
    ev.RunWaiting: _waiting,
    ev.RunResumed: _resumed,
    ev.StepStarted: _step_started,
    ev.ModelCalled: _model_called,
    ev.ModelFailed: _model_failed,
    ev.ToolCalled: _tool_called,
    ev.ToolFinished: _tool_finished,
    ev.ToolInDoubt: _tool_in_doubt,
    ev.PolicyDecided: _policy_decided,
    ev.PlanMade: _plan_made,
    ev.PlanAdvanced: _plan_advanced,
    ev.ApprovalRequested: _approval_requested,
    ev.ApprovalDecided: _approval_decided,
    ev.ApprovalExpired: _approval_expired,
    ev.MemoryRecalled: _recalled,
    ev.MemoryWritten: _written,
    ev.MessageRestarted: _restarted,
    ev.BudgetWarned: _budget_warned,
    **CAPABILITY_TAKES,
}
UNSHOWN: frozenset[type] = frozenset({
    ev.SessionCreated, ev.SessionForked, ev.MessageCreated, ev.MessageCompleted, ev.RunRolledBack,
})  # fmt: skip
"""Types that have no place in the tree; a test asks that every other one has."""
