from typing import get_args
from uuid import uuid4

import pytest
from agent_world import START, named

from hortus_agents import events as ev
from hortus_agents.events import Event
from hortus_agents.limits import RunLimits
from hortus_agents.loop.labelling import ANSWER
from hortus_agents.loop.state import FOLDS, WITHOUT_EFFECT, fold_session
from hortus_agents.messages import ToolCall, Usage

RUN, EARLIER = named("run"), named("earlier")


def log(*entries: tuple[object, ev.EventPayload] | ev.EventPayload) -> list[Event]:
    events = []
    for seq, entry in enumerate(entries, start=1):
        run_id, payload = entry if isinstance(entry, tuple) else (RUN, entry)
        events.append(
            Event(session_id=named("s"), seq=seq, run_id=run_id, step=1, type=payload.type, at=START, payload=payload)
        )
    return events


def user(text: str) -> ev.MessageCreated:
    return ev.MessageCreated(message_id=uuid4(), content=text)


def assistant(text: str) -> ev.MessageCompleted:
    return ev.MessageCompleted(message_id=uuid4(), content=text, label=ANSWER)


def queued() -> ev.RunQueued:
    return ev.RunQueued(agent_id=uuid4(), agent_version_id=uuid4(), agent_version=1, limits=RunLimits())


def model_called(**changes: object) -> ev.ModelCalled:
    fields = {
        "message_id": uuid4(), "model": "m", "tool_mode": "constrained", "text": "", "finish_reason": "stop",
        "usage": Usage(prompt_tokens=5, completion_tokens=1), "duration_ms": 1.0, "prompt_sha256": "0",
    }  # fmt: skip
    return ev.ModelCalled.model_validate(fields | changes)


def finished(call_id: str, outcome: str = "ok") -> ev.ToolFinished:
    return ev.ToolFinished.model_validate(
        {"call_id": call_id, "name": "t", "outcome": outcome, "content": "c", "duration_ms": 1.0}
    )


def activated(name: str, version: int = 1) -> ev.CapabilityActivated:
    return ev.CapabilityActivated(
        call_id="c", name=name, tool_id=named(name), tool_version_id=named(f"{name}{version}"), version=version
    )


def test_every_event_type_has_a_fold_or_is_known_to_have_none() -> None:
    payloads = set(get_args(get_args(ev.EventPayload)[0]))
    assert payloads == set(FOLDS) | WITHOUT_EFFECT


def test_history_holds_the_last_messages_of_earlier_runs_only() -> None:
    events = log(
        (EARLIER, user("one")), (EARLIER, assistant("two")), (EARLIER, user("three")), (EARLIER, assistant("four")),
        user("mine"), queued(),
    )  # fmt: skip
    state = fold_session(events, RUN, history_messages=3)
    assert [(m.role, m.content) for m in state.history] == [
        ("assistant", "two"), ("user", "three"), ("assistant", "four"),
    ]  # fmt: skip
    assert state.user_message == "mine"


def test_no_history_is_kept_when_none_is_wanted() -> None:
    assert fold_session(log((EARLIER, user("one")), user("mine")), RUN, history_messages=0).history == ()


def test_an_answer_that_lands_between_message_and_first_step_belongs_to_the_history() -> None:
    events = log((EARLIER, user("a")), user("mine"), queued(), (EARLIER, assistant("late")), ev.StepStarted())
    assert [m.content for m in fold_session(events, RUN).history] == ["a", "late"]


def test_what_other_runs_write_after_the_first_step_changes_nothing() -> None:
    events = log(user("mine"), queued(), ev.StepStarted())
    more = [*events, *log((EARLIER, user("x")), (EARLIER, activated("t")))]
    assert fold_session(more, RUN) == fold_session(events, RUN)


def test_a_message_logged_without_a_run_is_the_next_runs() -> None:
    state = fold_session(log((None, user("mine")), queued()), RUN)
    assert (state.user_message, state.history) == ("mine", ())


def test_calls_are_pending_until_their_result_and_in_doubt_once_called() -> None:
    calls = tuple(ToolCall(id=name, name="t", arguments={}) for name in ("a", "b", "c"))
    called = ev.ToolCalled(call_id="b", name="t", arguments={})
    events = log(
        user("x"), queued(), ev.StepStarted(), model_called(tool_calls=calls),
        ev.ToolCalled(call_id="a", name="t", arguments={}), finished("a"), called,
    )  # fmt: skip
    state = fold_session(events, RUN)
    assert [(record.call.id, record.called) for record in state.pending] == [("b", True), ("c", False)]
    assert state.spent.tool_calls == 2


def test_usage_counts_every_model_call_whatever_its_purpose() -> None:
    events = log(user("x"), queued(), model_called(), model_called(purpose="capability.source"))
    state = fold_session(events, RUN)
    assert (state.spent.model_calls, state.spent.tokens, state.usage.total_tokens) == (2, 12, 12)
    assert len(state.steps) == 1


def test_events_of_the_call_in_flight_are_kept_until_it_finishes() -> None:
    call = ToolCall(id="a", name="request_capability", arguments={})
    wanted = ev.CapabilityRequested(call_id="a", name="n", purpose="p")
    side = model_called(purpose="capability.signature")
    begun = log(
        user("x"), queued(), ev.StepStarted(), model_called(tool_calls=(call,)),
        ev.ToolCalled(call_id="a", name="request_capability", arguments={}), wanted, side,
    )  # fmt: skip
    assert fold_session(begun, RUN).emitted == (wanted, side)
    assert fold_session([*begun, *log(finished("a"))], RUN).emitted == ()


def test_a_newer_version_replaces_the_older_and_a_disabled_tool_goes() -> None:
    events = log(user("x"), activated("median"), activated("roman"), activated("median", 2))
    assert [(b.name, b.version) for b in fold_session(events, RUN).capabilities] == [("roman", 1), ("median", 2)]
    gone = ev.CapabilityDisabled(
        name="median", tool_id=named("median"), tool_version_id=named("median2"), reason="broken"
    )
    assert [b.name for b in fold_session([*events, *log(gone)], RUN).capabilities] == ["roman"]


def test_tools_of_the_sessions_earlier_runs_are_known_but_not_the_runs_own() -> None:
    state = fold_session(log((EARLIER, activated("median")), user("x"), activated("roman")), RUN)
    assert [(b.name, b.own) for b in state.capabilities] == [("median", False), ("roman", True)]


@pytest.mark.parametrize("generation", [1, 2])
def test_a_later_generation_marks_a_take_over(generation: int) -> None:
    started = ev.RunStarted(worker_id="w", generation=generation)
    assert fold_session(log(user("x"), started), RUN).taken_over is (generation > 1)
