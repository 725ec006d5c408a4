"""Negative tests: what a tool does with hostile arguments, made from its parameters and run in the sandbox.

A tool passes when every call ends within its limits, with a value or with a plain exception, and touches nothing
beyond what it declares. Whether the value is right is the business of its other tests.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from hortus_agents.messages import JsonObject
from hortus_agents.sandbox.contract import CallExtras, Sandbox, SandboxLimits, SandboxOutcome, SandboxResult
from hortus_agents.tools.capability import ToolPermissions

Kind = Literal["traversal", "injection", "oversize", "backtracking", "magnitude", "wrong_type", "empty"]
Verdict = Literal["passed", "stopped", "failed"]
"""`stopped`: ended by its limits on an input that asks for that much work; harmless, and said so."""

LIMITS = SandboxLimits(wall_s=5.0, cpu_s=2)
MAGNITUDE_S = 1.0  # of wall time: to be stopped is an answer there
CASES = 24
AT_ONCE = 3  # so that other runs of the worker get their jails
OVERSIZE = 1024  # characters, or half as many items: more than a model writes
HUGE = 64  # times that
TOUCHED_SHOWN = 3
VALUE_SHOWN = 120

_TEXTS: Mapping[Kind, Sequence[str]] = {
    "traversal": ("../../../../../../etc/shadow", "/proc/self/environ", "..\\..\\boot.ini", "file:///etc/passwd"),
    "injection": (
        "$(id); `id` | id & __import__('os').system('id')",
        "'; DROP TABLE users; -- {{7*7}} %s%n ${jndi:ldap://x}",
        "!!python/object/apply:os.system ['id']",
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
        "gASVEgAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjAJpZJSFlFKULg==",  # a pickle that runs `id`
    ),
    "backtracking": ("a" * 40 + "!", "0" * 40 + "x", " " * 2000 + "x", "((((" * 10 + "]"),
    "oversize": ("word " * (OVERSIZE // 5),),
    "magnitude": ("word " * (OVERSIZE * HUGE // 5),),
    "empty": ("",),
}
_NUMBERS: Mapping[Kind, Sequence[Any]] = {"magnitude": (10**12, -(10**6)), "empty": (0,)}
_WRONG: Sequence[Any] = (None, {"__class__": "x"}, [[[]]], "text")
_STOPS = {SandboxOutcome.TIMEOUT, SandboxOutcome.MEMORY, SandboxOutcome.OUTPUT}
_EVENT = re.compile(r"open '(.*)'")


@dataclass(frozen=True, slots=True)
class Subject:
    """What is called: a source, its function, its parameters' schema, and what it declares."""

    source: str
    function: str
    parameters: JsonObject
    permissions: ToolPermissions


@dataclass(frozen=True, slots=True)
class NegativeCase:
    """Arguments that an honest caller would not send."""

    kind: Kind
    arguments: JsonObject


@dataclass(frozen=True, slots=True)
class NegativeResult:
    """What came of one case; `reason` is empty for `passed`."""

    case: NegativeCase
    verdict: Verdict
    outcome: str
    reason: str = ""
    tier: str = ""

    @property
    def row(self) -> JsonObject:
        """The case as it is stored; long arguments are cut."""
        arguments = {name: _shown(value) for name, value in self.case.arguments.items()}
        return {
            "kind": self.case.kind,
            "arguments": arguments,
            "verdict": self.verdict,
            "outcome": self.outcome,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class NegativeReport:
    """All cases. With `error` they could not be run, and then nothing is passed."""

    results: tuple[NegativeResult, ...]
    tier: str
    error: str = ""

    @property
    def passed(self) -> bool:
        """Whether there were cases, all were run and none failed."""
        return not self.error and bool(self.results) and not self.failed

    @property
    def failed(self) -> tuple[NegativeResult, ...]:
        """The cases that keep a tool out."""
        return tuple(result for result in self.results if result.verdict == "failed")

    @property
    def reason(self) -> str:
        """Why it did not pass, for the model that has to mend the source; empty when it did."""
        if self.error:
            return f"the negative tests could not run: {self.error}"
        return f"with {self.failed[0].case.kind} input it {self.failed[0].reason}" if self.failed else ""

    @property
    def row(self) -> JsonObject:
        """The report as it is stored."""
        return {
            "passed": self.passed,
            "tier": self.tier,
            "error": self.error,
            "cases": [result.row for result in self.results],
        }


def negative_cases(parameters: JsonObject, *, most: int = CASES) -> list[NegativeCase]:
    """At most `most` hostile calls for a parameters' schema: one parameter at a time, the others as they should be."""
    properties: Mapping[str, Any] = parameters.get("properties", {})
    plain = {name: _plain(schema) for name, schema in properties.items()}
    by_kind: dict[Kind, list[NegativeCase]] = {}
    for name, schema in properties.items():
        for kind, values in _hostile(schema).items():
            by_kind.setdefault(kind, []).extend(NegativeCase(kind, plain | {name: value}) for value in values)
    if properties:
        by_kind["empty"] = [*by_kind.get("empty", []), NegativeCase("empty", {})]
        by_kind["wrong_type"] = [NegativeCase("wrong_type", dict.fromkeys(properties, wrong)) for wrong in _WRONG]
    else:
        by_kind["wrong_type"] = [NegativeCase("wrong_type", {"unexpected": wrong}) for wrong in _WRONG]
    return _spread(by_kind)[:most]


async def run_negative(
    sandbox: Sandbox, subject: Subject, *, magnitude_s: float = MAGNITUDE_S, most: int = CASES
) -> NegativeReport:
    """Run all of them, each in its own jail; calls of tools are not answered.

    Raises:
        SandboxError: A jail could not be started.
    """
    places = asyncio.Semaphore(AT_ONCE)
    extras = CallExtras(observe=True)

    async def run(case: NegativeCase) -> NegativeResult:
        limits = replace(LIMITS, wall_s=magnitude_s) if case.kind == "magnitude" else LIMITS
        async with places:
            result = await sandbox.run_function(
                subject.source, function=subject.function, arguments=case.arguments, limits=limits, extras=extras
            )
        return _judge(case, result, subject.permissions)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(run(case)) for case in negative_cases(subject.parameters, most=most)]
    return NegativeReport(tuple(task.result() for task in tasks), sandbox.tier)


def _judge(case: NegativeCase, result: SandboxResult, permissions: ToolPermissions) -> NegativeResult:
    def verdict(word: Verdict, reason: str = "") -> NegativeResult:
        return NegativeResult(case, word, result.outcome.value, reason, result.tier)

    touched = [entry for entry in result.touched if not _declared(entry, permissions)]
    if touched:
        return verdict("failed", f"touched {', '.join(touched[:TOUCHED_SHOWN])}")
    if result.outcome in {SandboxOutcome.OK, SandboxOutcome.ERROR}:
        return verdict("passed")
    if case.kind == "magnitude" and result.outcome in _STOPS:
        return verdict("stopped", f"was stopped ({result.outcome.value})")
    last = result.error.strip().splitlines()[-1] if result.error.strip() else ""
    return verdict("failed", f"ended with {result.outcome.value}: {last[:VALUE_SHOWN]}")


def _declared(entry: str, permissions: ToolPermissions) -> bool:
    opened = _EVENT.fullmatch(entry)
    return opened is not None and opened[1] in permissions.writes


def _hostile(schema: Mapping[str, Any]) -> Mapping[Kind, Sequence[Any]]:
    match schema.get("type"):
        case "string":
            return _TEXTS
        case "integer" | "number":
            return _NUMBERS
        case "array":
            items = schema.get("items") or {}
            inner = _hostile(items)
            deep: dict[Kind, Sequence[Any]] = {
                kind: [[value] for value in values] for kind, values in inner.items() if kind != "empty"
            }
            return deep | {"oversize": ([_plain(items)] * (OVERSIZE // 2),), "empty": ([],)}
        case "object":
            return {"oversize": ({f"key{n}": n for n in range(OVERSIZE // 4)},), "empty": ({},)}
        case _:
            return {}


def _plain(schema: Mapping[str, Any]) -> Any:
    if schema.get("enum"):
        return schema["enum"][0]
    examples: Mapping[str, Any] = {
        "string": "abc", "integer": 3, "number": 1.5, "boolean": True, "array": [], "object": {},
    }  # fmt: skip
    kind = schema.get("type")
    if kind == "array":
        return [_plain(schema.get("items") or {})] * 2
    return examples.get(kind if isinstance(kind, str) else "", None)


def _spread(by_kind: Mapping[Kind, Sequence[NegativeCase]]) -> list[NegativeCase]:
    """The first of every kind, then the second, as far as there is room."""
    longest = max((len(cases) for cases in by_kind.values()), default=0)
    return [cases[number] for number in range(longest) for cases in by_kind.values() if number < len(cases)]


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= VALUE_SHOWN else f"{value[:VALUE_SHOWN]}... ({len(value)} characters)"
    if isinstance(value, list) and len(value) > TOUCHED_SHOWN:
        return [*value[:TOUCHED_SHOWN], f"... ({len(value)} items)"]
    if isinstance(value, dict) and len(value) > TOUCHED_SHOWN:
        return f"an object of {len(value)} keys"
    return value
