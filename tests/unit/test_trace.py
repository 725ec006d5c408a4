"""The tree of what a run did."""

from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import UUID, uuid4

from hortus_agents import events as ev
from hortus_agents.events import Event, EventPayload
from hortus_agents.limits import RunLimits, Spent
from hortus_agents.messages import Usage
from hortus_server.services.build_trace import _TAKES, UNSHOWN, build_trace

START = datetime(2026, 11, 2, 12, tzinfo=UTC)
RUN, SESSION, ID = UUID(int=1), UUID(int=2), UUID(int=3)
QUEUED = ev.RunQueued(agent_id=ID, agent_version_id=ID, agent_version=3, limits=RunLimits())
STEP = ev.StepStarted(bound_tools=("calculate",))
CALL = ev.ToolCalled(call_id="c", name="calculate", arguments={})
RESULT = ev.ToolFinished(call_id="c", name="calculate", outcome="ok", content="2", duration_ms=500.0)
SPENT = Spent(steps=1)


def started(generation: int = 1) -> ev.RunStarted:
    return ev.RunStarted(worker_id="w", generation=generation)


def model(purpose: str = "act") -> ev.ModelCalled:
    return ev.ModelCalled(
        message_id=ID, purpose=purpose, model="qwen", tool_mode="native", text="", finish_reason="stop",
        usage=Usage(prompt_tokens=10, completion_tokens=2, cached_tokens=8), duration_ms=900.0, first_token_ms=300.0,
        prompt_sha256="", cost_micros=7,
    )  # fmt: skip


def tree(*entries: tuple[float, int, EventPayload]):
    """Events at given seconds, numbered in order, as a tree."""
    return build_trace(
        Event(
            session_id=SESSION, seq=number, run_id=RUN, step=step, type=payload.type,
            at=START + timedelta(seconds=at), payload=payload,
        )
        for number, (at, step, payload) in enumerate(entries, 1)
    )  # fmt: skip


def rows(spans, depth=0):
    for span in spans:
        began = (span.started_at - START).total_seconds()
        ended = None if span.ended_at is None else (span.ended_at - START).total_seconds()
        yield span.kind, depth, began, ended, span.state
        yield from rows(span.children, depth + 1)


def test_a_run_is_a_queue_its_steps_and_what_they_did():
    builder = tree((0, 0, QUEUED), (1, 0, started()), (1, 1, STEP), (2, 1, model()), (2, 1, CALL), (2.5, 1, RESULT))
    assert list(rows(builder.spans)) == [
        ("queue", 0, 0, 1, "ok"),
        ("step", 0, 1, None, "running"),
        ("model", 1, 1.1, 2, "ok"),
        ("tool", 1, 2, 2.5, "ok"),
    ]
    called, used = builder.spans[1].children
    assert (called.model, called.tokens.cached_tokens, called.first_token_ms, called.cost_micros) == ("qwen", 8, 300, 7)
    assert (used.seqs, used.duration_ms) == ([5, 6], 500.0)
    assert list(builder.models) == ["qwen"]


def test_calls_of_evolution_stand_inside_the_call_that_asked_for_them():
    tested = ev.CapabilityTested(
        call_id="c", tool_version_id=ID, attempt=1, passed=False, cases=2, detail="2", tier="t"
    )
    builder = tree((0, 1, STEP), (1, 1, model()), (1, 1, CALL), (2, 1, model("capability.source")), (3, 1, tested))
    assert list(rows(builder.spans))[-2:] == [("model", 2, 1.1, 2, "ok"), ("capability", 2, 3, 3, "failed")]


def test_a_second_worker_is_a_mark_not_a_second_queue():
    builder = tree((0, 0, QUEUED), (1, 0, started()), (9, 0, started(2)))
    assert list(rows(builder.spans)) == [("queue", 0, 0, 1, "ok"), ("run", 0, 9, 9, "note")]
    assert builder.spans[1].worker_id == "w"


def test_a_wait_ends_when_the_run_is_queued_again():
    waiting = ev.RunWaiting(reason=ev.WaitReason(kind="approval", ref_id=ID))
    resumed = ev.RunResumed(reason="approved", by="ann")
    builder = tree((0, 0, QUEUED), (1, 0, started()), (2, 0, waiting), (60, 0, resumed), (61, 0, started(2)))
    assert list(rows(builder.spans))[1:] == [("wait", 0, 2, 60, "ok"), ("queue", 0, 60, 61, "ok")]
    assert builder.spans[1].ref_id == ID


def test_an_approval_spans_from_the_question_to_the_decision():
    asked = ev.ApprovalRequested(
        approval_id=ID, kind="call", call_id="c", name="send", tool_version="1", arguments={}, call_sha256="0",
        side_effect=2, reason="external", expires_at=START,
    )  # fmt: skip
    decided = ev.ApprovalDecided(
        approval_id=ID, call_id="c", decision="deny", outcome="denied", reason="no", by="ann", key_id=ID
    )
    builder = tree((0, 1, STEP), (1, 1, asked), (5, 1, decided))
    assert list(rows(builder.spans))[-1] == ("approval", 1, 1, 5, "failed")
    late = tree((0, 1, STEP), (5, 1, ev.ApprovalExpired(approval_id=ID, call_id="c")))
    assert list(rows(late.spans))[-1] == ("approval", 1, 5, 5, "failed")


def test_memory_hits_and_errors_are_told():
    item = ev.RecalledItem(memory_id=ID, title="a walk", content="", score=0.5, occurred_at=START)
    recalled = ev.MemoryRecalled(query="walks", items=(item,), low_confidence=False)
    failed = ev.ModelFailed(code="timeout", message="too slow", attempt=2, will_retry=True)
    builder = tree((0, 0, recalled), (1, 1, STEP), (2, 1, failed))
    assert [use.title for use in builder.spans[0].memories] == ["a walk"]
    (error,) = builder.spans[1].children
    assert (error.state, error.detail, error.attempt) == ("failed", "too slow (tried again)", 2)


def test_an_end_closes_what_is_open():
    cancelled = ev.RunCancelled(reason="enough")
    builder = tree((0, 0, QUEUED), (1, 0, started()), (1, 1, STEP), (1, 1, model()), (2, 1, CALL), (3, 0, cancelled))
    assert list(rows(builder.spans)) == [
        ("queue", 0, 0, 1, "ok"),
        ("step", 0, 1, 3, "ok"),
        ("model", 1, 0.1, 1, "ok"),
        ("tool", 1, 2, 3, "failed"),
        ("run", 0, 3, 3, "note"),
    ]
    assert builder.spans[-1].detail == "enough"
    unclaimed = tree((0, 0, QUEUED), (4, 0, cancelled))
    assert next(rows(unclaimed.spans)) == ("queue", 0, 0, 4, "note")


def test_a_part_may_begin_in_the_middle_of_a_step():
    builder = tree((1, 7, model()), (2, 7, CALL))
    assert [span.label for span in builder.spans] == ["step 7"]
    finished = ev.ToolFinished(call_id="x", name="echo", outcome="denied", content="", duration_ms=1000.0)
    (call,) = tree((3, 7, finished)).spans[0].children
    assert (call.kind, call.state, call.detail) == ("tool", "failed", "denied")


def test_tool_versions_are_those_called_and_bound():
    version = uuid4()
    reused = ev.CapabilityReused(name="adder", tool_id=ID, tool_version_id=version, version=4, score=0.9)
    builder = tree((0, 1, reused), (1, 1, CALL.model_copy(update={"tool_version_id": ID})))
    assert builder.known[version].version == 4
    assert builder.called == {ID: "calculate"}


def test_every_type_of_event_has_a_place_or_is_left_out_on_purpose():
    types = set(get_args(get_args(EventPayload)[0]))
    ends = {ev.RunSucceeded, ev.RunFailed, ev.RunCancelled, ev.RunBudgetExhausted}
    assert types == set(_TAKES) | UNSHOWN | ends
    assert not set(_TAKES) & UNSHOWN
