"""Test cases: where they come from, and what a requester's example is worth."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hortus_agents.evolution.signature import Signature
from hortus_agents.json_text import read_json
from hortus_agents.messages import JsonObject
from hortus_agents.schemas import validator
from hortus_agents.tools.builtin.request_capability import CapabilityRequest

Origin = Literal["user", "requester", "generated"]
"""`user`: stands word for word in the user's task. `requester`, `generated`: a model's claim, perhaps wrong."""


@dataclass(frozen=True, slots=True)
class Case:
    """Arguments and what someone says the result is; `answers` are what calls of tools return, where it makes any."""

    arguments: JsonObject
    expected: Any
    origin: Origin
    answers: tuple[str, ...] | None = None


def example_text(request: CapabilityRequest) -> str:
    """The requester's example on one line, or nothing."""
    if not request.example_input or not request.example_output:
        return ""
    return f"{request.example_input} -> {request.example_output}"


def example_case(request: CapabilityRequest, signature: Signature, *, task: str) -> Case | None:
    """The requester's example as a case; None where there is none or it does not fit the signature.

    It counts as the user's own only if input and output both stand in the task.
    """
    if not request.example_input or not request.example_output:
        return None
    arguments = _read_arguments(request.example_input, signature)
    expected = _read_value(request.example_output, signature.returns)
    if arguments is None or not fits(expected, signature.returns_schema):
        return None
    grounded = _stands_in(task, request.example_input, request.example_output)
    return Case(arguments, expected, "user" if grounded else "requester")


def generated_cases(value: Mapping[str, Any], *, answered: bool = False) -> list[Case]:
    """Cases from a model's JSON, without repetitions; `answered` for a tool that calls tools."""
    cases: list[Case] = []
    for entry in value["cases"]:
        if all(entry["arguments"] != case.arguments for case in cases):
            answers = tuple(entry.get("answers", ())) if answered else None
            cases.append(Case(entry["arguments"], entry["expected"], "generated", answers))
    return cases


def fits(value: Any, schema: JsonObject) -> bool:
    """Whether a JSON value is of a schema; a whole float passes as an integer, as JSON has it."""
    return validator(schema).is_valid(value)


def same(one: Any, other: Any) -> bool:
    """Equal JSON values; numbers within 1e-6, since a model writes results rounded."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-9)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


def _read_arguments(text: str, signature: Signature) -> JsonObject | None:
    names = [name for name, _ in signature.parameters]
    parsed = _json(text)
    if isinstance(parsed, dict) and set(parsed) == set(names):
        arguments = dict(parsed)
    elif len(names) == 1:
        bare = re.sub(rf"^\s*{re.escape(names[0])}\s*[=:]\s*", "", text)
        arguments = {names[0]: _read_value(bare, signature.parameters[0][1])}
    elif isinstance(parsed, list) and len(parsed) == len(names):
        arguments = dict(zip(names, parsed, strict=True))
    else:
        return None
    return arguments if fits(arguments, signature.parameters_schema) else None


def _read_value(text: str, kind: str) -> Any:
    parsed = _json(text)
    if kind == "string":
        return parsed if isinstance(parsed, str) else text.strip().strip("'")
    if kind == "boolean" and text.strip() in {"True", "False"}:
        return text.strip() == "True"
    return parsed


def _json(text: str) -> Any:
    try:
        return read_json(text)
    except ValueError:
        return None


def _stands_in(task: str, given: str, wanted: str) -> bool:
    """Whether both texts stand in the task as words of their own, the second apart from the first."""
    apart, found = _words(given).subn(" ", task)
    return found > 0 and _words(wanted).search(apart) is not None


def _words(text: str) -> re.Pattern[str]:
    bare = text.strip().strip("\"'[](){} ")
    return re.compile(rf"(?<!\w){re.escape(bare)}(?!\w)") if bare else re.compile(r"(?!)")
