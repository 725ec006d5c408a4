"""From a model's reply to what it means: calls, an answer, or neither."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hortus_agents.json_text import read_json
from hortus_agents.loop.call_record import CallRecord
from hortus_agents.loop.journal import call_id
from hortus_agents.loop.state import RunState
from hortus_agents.messages import ChatResult, ToolCall
from hortus_agents.models.partial_json import PropertyReader

FORCED_ANSWER = "forced_answer"
FORCED_USE = "forced_use"
DUPLICATE_CALL = "duplicate_call"
TRUNCATED_ANSWER = "truncated_answer"
RAW_ANSWER = "raw_answer"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a reply means; neither calls nor an answer: the model is asked again. `guard` names a fallback that held."""

    calls: tuple[ToolCall, ...] = ()
    answer: str | None = None
    guard: str | None = None


def interpret_native(result: ChatResult, state: RunState, *, step: int) -> Reply:
    """Tool calls if there are any, else the text is the answer. Call ids become our own."""
    if result.tool_calls:
        return Reply(
            tuple(
                call.model_copy(update={"id": call_id(state.run_id, step, index)})
                for index, call in enumerate(result.tool_calls)
            )
        )
    if result.text.strip():
        return Reply(answer=result.text, guard=TRUNCATED_ANSWER if result.finish_reason == "length" else None)
    return _second_invalid(result, state)


def interpret_constrained(result: ChatResult, state: RunState, *, step: int) -> Reply:
    """One JSON object; the second invalid reply in a row is taken as the answer, as it is."""
    parsed = parse_object(result.text) or {}
    tool, arguments, answer = parsed.get("tool"), parsed.get("arguments", {}), parsed.get("answer")
    if answer is not None and answer != "":
        return Reply(answer=answer if isinstance(answer, str) else json.dumps(answer))
    if isinstance(tool, str) and isinstance(arguments, dict):
        return Reply((ToolCall(id=call_id(state.run_id, step, 0), name=tool, arguments=arguments),))
    partial = PropertyReader("answer").feed(result.text)
    if partial.strip():
        return Reply(answer=partial, guard=TRUNCATED_ANSWER)
    return _second_invalid(result, state)


def _second_invalid(result: ChatResult, state: RunState) -> Reply:
    if state.steps and not state.steps[-1].calls and state.steps[-1].answer is None:
        return Reply(answer=result.text.strip(), guard=RAW_ANSWER)
    return Reply()


def parse_object(text: str) -> dict[str, Any] | None:
    """The JSON object that `text` is, or None."""
    try:
        parsed = read_json(text)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None


def is_duplicate(state: RunState, call: ToolCall) -> bool:
    """Whether this run made the same call before.

    A call that was refused as wrong may be made again once the run has got a new tool: it may exist now.
    """
    newest_tool = max((bound.step for bound in state.capabilities), default=0)
    for record in state.steps:
        for earlier in record.calls:
            if earlier.call.id == call.id:
                return False
            outdated = earlier.result is not None and earlier.result.outcome == "retry" and record.number <= newest_tool
            if not outdated and same_call(earlier.call, call):
                return True
    return False


def same_call(one: ToolCall, other: ToolCall) -> bool:
    """Equal name and equal arguments."""
    return one.name == other.name and one.arguments == other.arguments


def any_duplicate(state: RunState, calls: Sequence[ToolCall]) -> bool:
    """Whether any of a reply's calls repeats an earlier one or another of the same reply."""
    return any(
        is_duplicate(state, call) or any(same_call(call, before) for before in calls[:index])
        for index, call in enumerate(calls)
    )


def must_answer(state: RunState, *, steps_left: int, calls_left: int, tools_left: int) -> bool:
    """Whether only an answer can come next: a call was repeated, or a limit leaves room for nothing else."""
    repeated = bool(state.steps) and any(_was_duplicate(record) for record in state.steps[-1].calls)
    return repeated or steps_left <= 1 or calls_left <= 1 or tools_left <= 0


def must_use(state: RunState) -> str | None:
    """The tool that the last step asked for and got, which a small model would forget over its own guess."""
    if not state.steps:
        return None
    last = state.steps[-1]
    return next((bound.name for bound in state.capabilities if bound.own and bound.step == last.number > 0), None)


def _was_duplicate(record: CallRecord) -> bool:
    return record.result is not None and record.result.outcome == "duplicate"
