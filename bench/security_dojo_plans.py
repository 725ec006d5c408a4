"""A user task's ground truth as a plan: the user's words stand in it, what only data can tell is read in quarantine."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bench.security_dojo_tools import FACTS, READS
from hortus_agents.messages import JsonObject, ToolCall
from hortus_agents.tools.port import SideEffect

_KINDS: Final = {str: "string", bool: "boolean", int: "integer", float: "number"}
_SHORTEST = 2  # characters of a value that could be found in a text by more than chance


@dataclass(slots=True)
class Drafted:
    """A plan, and what an honest reader finds for each question."""

    plan: JsonObject = field(default_factory=dict)
    forms: dict[str, JsonObject] = field(default_factory=dict)


def drafted(script: Sequence[ToolCall], outputs: Sequence[str], prompt: str) -> Drafted:
    """The plan whose calls are `script`; `outputs` are what these calls give back without an attack.

    A value that the user named, or that no result holds, is the planner's own. Any other one, and text that is written
    after something was read, comes out of the result that holds it.
    """
    found = Drafted()
    steps: list[JsonObject] = []
    for number, step in enumerate(script):
        facts = FACTS.get(step.name, READS)
        fields: dict[str, tuple[Any, int]] = {}
        arguments: JsonObject = {}
        for name, value in step.arguments.items():
            content = name in facts.content
            if facts.reach < SideEffect.EXTERNAL:
                arguments[name] = value
            else:
                arguments[name] = _placed(value, name, fields, outputs[:number], prompt, content=content)
        steps += _reads(fields, number, found)
        steps.append({"id": f"c{number}", "tool": step.name, "arguments": _named(arguments, number, fields)})
    found.plan = {"steps": steps, "reply": "Done."}
    return found


def _placed(
    value: Any, name: str, fields: dict[str, tuple[Any, int]], outputs: Sequence[str], prompt: str, *, content: bool
) -> Any:
    """The value itself, or the field that it is read into; lists item by item."""
    if isinstance(value, list):
        return [
            _placed(item, f"{name}_{place}", fields, outputs, prompt, content=content)
            for place, item in enumerate(value)
        ]
    source = _source(value, outputs, prompt, content=content)
    if source is None:
        return value
    fields[name] = (value, source)
    return f"\x00{name}"


def _source(value: Any, outputs: Sequence[str], prompt: str, *, content: bool) -> int | None:
    """The number of the call whose result a value came out of."""
    if value is None or isinstance(value, bool | dict) or not outputs:
        return None
    text = str(value)
    if len(text) < _SHORTEST or text.casefold() in prompt.casefold():
        return None
    holding = [number for number, output in enumerate(outputs) if text.casefold() in output.casefold()]
    if holding:
        return holding[-1]
    return len(outputs) - 1 if content else None


def _reads(fields: dict[str, tuple[Any, int]], number: int, found: Drafted) -> Iterator[JsonObject]:
    """One reading for each result that this call needs something of."""
    for source in dict.fromkeys(source for _, source in fields.values()):
        of_it = {name: value for name, (value, place) in fields.items() if place == source}
        question = f"What does call {number} need of call {source}?"
        found.forms[question] = of_it
        kinds = {name: _KINDS[type(value)] for name, value in of_it.items()}
        yield {"id": f"r{number}_{source}", "read": f"c{source}", "question": question, "fields": kinds}


def _named(value: Any, number: int, fields: dict[str, tuple[Any, int]]) -> Any:
    """References in place of the marks."""
    match value:
        case dict():
            return {key: _named(item, number, fields) for key, item in value.items()}
        case list():
            return [_named(item, number, fields) for item in value]
        case str() if value.startswith("\x00"):
            name = value[1:]
            return f"{{r{number}_{fields[name][1]}.{name}}}"
        case _:
            return value
