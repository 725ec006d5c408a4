"""Plans: what a run will do, written down before it reads anything that somebody else wrote.

A plan is an ordered list of steps and a template of the answer. A step calls a tool, or reads what a step before it
gave back: a reader without tools turns that into typed fields. Text refers to fields as `{id.field}`, and to results
that this server's own tools gave as `{id}`. After CaMeL (Debenedetti et al., 2025), without its language.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from hortus_agents.events import PlanAdvanced, PlanMade, ToolFinished
from hortus_agents.labels import Planned
from hortus_agents.loop.cleaning import clean_text
from hortus_agents.messages import Frozen, JsonObject

READER: Final = "read_untrusted"
REVISER: Final = "revise_plan"
MESSAGE: Final = "message"
"""What a step reads that reads the message itself, where that is not the user's own words."""
ANSWER_LIMIT = 20_000  # characters of an answer made from a template
_REFERENCE: Final = re.compile(r"\{([a-z][a-z0-9_]{0,31})(?:\.([a-z][a-z0-9_]{0,31}))?\}")
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
FieldType = Literal["string", "number", "integer", "boolean"]


class CallStep(Frozen):
    """Calls a tool."""

    id: Name
    tool: Annotated[str, Field(min_length=1, max_length=64)]
    arguments: JsonObject = Field(default_factory=dict)


class ReadStep(Frozen):
    """Turns what step `read` gave back into typed fields."""

    id: Name
    read: Name
    question: Annotated[str, Field(min_length=1, max_length=500)]
    fields: Annotated[dict[Name, FieldType], Field(min_length=1, max_length=10)]


class Plan(Frozen):
    """Steps in order, and the answer with references in it."""

    steps: Annotated[tuple[CallStep | ReadStep, ...], Field(max_length=20)]
    reply: Annotated[str, Field(min_length=1, max_length=8_000)]


NO_PLAN: Final = Plan(steps=(), reply="-")


class PlanError(Exception):
    """A plan cannot be followed; the message is for the model that wrote it."""


@dataclass(frozen=True, slots=True)
class PlanState:
    """A plan under way: `begun` of its steps, the results of those that ended, by the step's id.

    `calls` maps the calls that carried steps out to the arguments that hold values out of untrusted text, `ids` all
    calls to their steps. `revisions` counts plans before this one. A `problem` says why what a model wrote (`raw`) is
    no plan, for the `rejected`th time. While `revising`, another plan is asked for.
    """

    plan: Plan = NO_PLAN
    begun: int = 0
    calls: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ids: Mapping[str, str] = field(default_factory=dict)
    results: Mapping[str, ToolFinished] = field(default_factory=dict)
    revisions: int = 0
    revising: bool = False
    problem: str | None = None
    raw: str = ""
    rejected: int = 0

    @property
    def next(self) -> CallStep | ReadStep | None:
        """The step that comes next; None behind the last."""
        return self.plan.steps[self.begun] if self.begun < len(self.plan.steps) else None

    @property
    def failed(self) -> str | None:
        """Why the plan cannot go on, in words of ours: the step and the kind of its end."""
        for step in self.plan.steps[: self.begun]:
            result = self.results.get(step.id)
            if result is None:
                continue
            if result.outcome != "ok":
                return f"step {step.id} ended as {result.outcome}"
            if isinstance(step, ReadStep) and not values_of(result):
                return f"step {step.id} found not enough information"
        return None

    def planned(self, call_id: str) -> Planned | None:
        """What is known of a call that the plan foresaw; None for any other."""
        tainted = self.calls.get(call_id)
        return None if tainted is None else Planned(tainted)


def made(before: PlanState | None, payload: PlanMade) -> PlanState:
    """A plan, the first or another one, or a text that is none."""
    if payload.problem is None:
        return PlanState(Plan.model_validate(payload.plan), revisions=payload.revision)
    rejected = 1 + (0 if before is None else before.rejected)
    raw = str(payload.plan.get("text", ""))
    return PlanState(revisions=payload.revision, problem=payload.problem, raw=raw, rejected=rejected)


def advanced(state: PlanState | None, payload: PlanAdvanced) -> PlanState | None:
    """A step began, or that another plan is asked for."""
    if state is None:
        return None
    if payload.index is None:
        return replace(state, revising=True, ids={**state.ids, payload.call.id: ""})
    step = state.plan.steps[payload.index]
    return replace(
        state,
        begun=payload.index + 1,
        calls={**state.calls, payload.call.id: payload.tainted},
        ids={**state.ids, payload.call.id: step.id},
    )


def finished(state: PlanState | None, payload: ToolFinished) -> PlanState | None:
    """A step ended."""
    if state is None or not state.ids.get(payload.call_id):
        return state
    return replace(state, results={**state.results, state.ids[payload.call_id]: payload})


def check_plan(plan: Plan, tools: Mapping[str, bool], *, message: bool) -> None:
    """Raise PlanError unless every step can be made.

    `tools` are the callable ones, and whether each one's results may be used as they are. With `message` the message
    itself can be read.
    """
    given: dict[str, frozenset[str] | bool] = {MESSAGE: False} if message else {}
    for step in plan.steps:
        if step.id in given:
            raise PlanError(f"two steps are called {step.id}")
        if isinstance(step, ReadStep):
            if not isinstance(given.get(step.read), bool):
                raise PlanError(f"step {step.id} reads {step.read}, which is no call before it")
            given[step.id] = frozenset(step.fields)
            continue
        if step.tool not in tools:
            raise PlanError(f"step {step.id}: there is no tool {step.tool!r}; the tools are {', '.join(tools)}")
        _check_references(step.arguments, given, where=f"step {step.id}")
        given[step.id] = tools[step.tool]
    _check_references(plan.reply, given, where="reply")


def resolve(value: Any, state: PlanState) -> tuple[Any, bool]:
    """A value with its references replaced, and whether any of what came in is untrusted.

    Raises:
        PlanError: A reference has no value.
    """
    match value:
        case str():
            return _resolve_text(value, state)
        case dict():
            parts = {key: resolve(item, state) for key, item in value.items()}
            return {key: item for key, (item, _) in parts.items()}, any(tainted for _, tainted in parts.values())
        case list():
            items = [resolve(item, state) for item in value]
            return [item for item, _ in items], any(tainted for _, tainted in items)
        case _:
            return value, False


def values_of(result: ToolFinished) -> JsonObject:
    """The fields that a reader found; empty where it had not enough information."""
    try:
        parsed = json.loads(result.content)
    except ValueError:
        return {}
    if not isinstance(parsed, dict) or parsed.get("enough_information") is not True:
        return {}
    values = parsed.get("values")
    return values if isinstance(values, dict) else {}


def _resolve_text(text: str, state: PlanState) -> tuple[Any, bool]:
    whole = _REFERENCE.fullmatch(text)
    if whole is not None:
        return _value(whole[1], whole[2], state)
    tainted = False
    parts: list[str] = []
    last = 0
    for found in _REFERENCE.finditer(text):
        value, dirty = _value(found[1], found[2], state)
        tainted = tainted or dirty
        parts += [text[last : found.start()], value if isinstance(value, str) else json.dumps(value)]
        last = found.end()
    return "".join([*parts, text[last:]]), tainted


def _value(name: str, key: str | None, state: PlanState) -> tuple[Any, bool]:
    result = state.results.get(name)
    if result is None:
        raise PlanError(f"{name} has no result")
    untrusted = result.label is None or result.label.untrusted
    if key is None:
        # A tool of ours, or the plan would not stand; what went into its call may have been read elsewhere.
        return (clean_text(result.content), True) if untrusted else (result.content, False)
    values = values_of(result)
    if key not in values:
        raise PlanError(f"{name} has no value {key}")
    return values[key], untrusted


def _check_references(value: Any, given: Mapping[str, frozenset[str] | bool], *, where: str) -> None:
    for name, key in _references(value):
        known = given.get(name)
        if known is None:
            raise PlanError(f"{where} refers to {name}, which is no step before it")
        if isinstance(known, bool):
            if key is not None:
                raise PlanError(f"{where} refers to {name}.{key}, but {name} is a call: read it first")
            if not known:
                raise PlanError(f"{where} uses what {name} gave as it is: add a step that reads it first")
        elif key not in known:
            raise PlanError(f"{where} refers to {name}.{key or ''}, but its fields are {', '.join(sorted(known))}")


def _references(value: Any) -> Iterator[tuple[str, str | None]]:
    match value:
        case str():
            for found in _REFERENCE.finditer(value):
                yield found[1], found[2]
        case dict():
            for item in value.values():
                yield from _references(item)
        case list():
            for item in value:
                yield from _references(item)
