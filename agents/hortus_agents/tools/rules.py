"""Rules of a policy, as an operator writes them: checked whole when they are written, never again."""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated, Any, Final, Literal

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import Field, ValidationInfo, model_validator

from hortus_agents.messages import Frozen, JsonObject
from hortus_agents.schemas import REFERENCES, members
from hortus_agents.spec import LONGEST_WAIT_S

RuleName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
ToolGlob = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:/*?-]{1,128}$", description="a name; `*` and `?` match any")]
Effect = Literal["allow", "deny", "approve"]

MOST_RULES = 1_000
LARGEST_CONDITION = 20_000  # characters of a condition's JSON
LONGEST_PATTERN = 500
CLASSES = 3

_GLOB = re.compile(r"[*?]")
# A repeated group that repeats inside, as in (a+)*: its time may grow exponentially with what a model writes.
_EXPLOSIVE = re.compile(r"\((?:[^()\\]|\\.)*[+*}](?:[^()\\]|\\.)*\)[+*{]")


STORED: Final = {"stored": True}
"""Validation context of rules that were checked when they were written: only their form is looked at."""


class RateLimit(Frozen):
    """At most `calls` that a rule lets through in any `window_s` seconds, counted together for all of `per`."""

    calls: int = Field(ge=1, le=1_000)
    window_s: int = Field(ge=1, le=30 * 86_400, description="seconds that the window reaches back")
    per: Literal["tenant", "agent", "session"] = "tenant"


class Rule(Frozen):
    """What happens to calls that fit all of its conditions; the first rule that fits decides."""

    name: RuleName
    tools: tuple[ToolGlob, ...] = Field(default=("*",), min_length=1, max_length=100)
    from_class: int = Field(default=0, ge=0, le=CLASSES, description="lowest side-effect class that it is about")
    to_class: int = Field(default=CLASSES, ge=0, le=CLASSES, description="highest side-effect class that it is about")
    arguments: JsonObject | None = Field(
        default=None, description="JSON schema (2020-12, without references) that the arguments have to meet"
    )
    untrusted: bool | None = Field(default=None, description="whether the run has read untrusted text")
    sensitive: bool | None = Field(default=None, description="whether the run has read sensitive text")
    effect: Effect
    reason: str = Field(default="", max_length=500, description="for the model, the people who decide, and the log")
    persons: Literal[1, 2] | None = Field(default=None, description="how many have to approve; 1 where absent")
    expires_s: float | None = Field(
        default=None, ge=1, le=LONGEST_WAIT_S, description="seconds until nobody's word means no; else the agent's own"
    )
    rate: RateLimit | None = None
    irreversible: bool = Field(
        default=False,
        description="this very rule may let calls of class 3 happen with fewer than two persons; names tools exactly",
    )

    @model_validator(mode="after")
    def _is_sound(self, info: ValidationInfo) -> "Rule":
        complaint = None if info.context == STORED else next(_complaints(self), None)
        if complaint is not None:
            raise ValueError(f"rule {self.name}: {complaint}")
        return self


class PolicyRules(Frozen):
    """The rules of one version of a policy, in the order in which they are asked."""

    rules: tuple[Rule, ...] = Field(default=(), max_length=MOST_RULES)

    @model_validator(mode="after")
    def _names_differ(self) -> "PolicyRules":
        seen: set[str] = set()
        for rule in self.rules:
            if rule.name in seen:
                raise ValueError(f"rule {rule.name}: another rule of this policy has the same name")
            seen.add(rule.name)
        return self


def stored_rules(rules: list[JsonObject]) -> PolicyRules:
    """Rules as a database gives them back. Raises pydantic's ValidationError for what this server does not know."""
    return PolicyRules.model_validate({"rules": rules}, context=STORED)


def is_glob(name: str) -> bool:
    """Whether a tool's name in a rule stands for many."""
    return _GLOB.search(name) is not None


def _complaints(rule: Rule) -> Iterator[str]:
    if rule.from_class > rule.to_class:
        yield f"from_class {rule.from_class} is above to_class {rule.to_class}, so it would never match"
    if rule.effect != "approve" and (rule.persons is not None or rule.expires_s is not None):
        yield f"persons and expires_s belong to the effect approve, and this one is {rule.effect}"
    if rule.effect == "deny" and rule.rate is not None:
        yield "a rate counts calls that happen, and this rule denies them"
    if rule.irreversible:
        yield from _about_class_three(rule)
    if rule.arguments is not None:
        yield from _about_condition(rule.arguments)


def _about_class_three(rule: Rule) -> Iterator[str]:
    if rule.effect == "deny" or rule.persons == 2:  # noqa: PLR2004 - two persons are what class 3 asks for anyway
        yield "irreversible makes class 3 easier, and this rule does not"
    if rule.to_class < CLASSES:
        yield "irreversible is about class 3, which to_class leaves out"
    if any(is_glob(name) for name in rule.tools):
        yield "irreversible needs the exact names of its tools"


def _about_condition(schema: JsonObject) -> Iterator[str]:
    text = json.dumps(schema, sort_keys=True)
    if len(text) > LARGEST_CONDITION:
        yield f"arguments: the schema is longer than {LARGEST_CONDITION} characters"
        return
    fault = _schema_fault(text)
    if fault is not None:
        yield f"arguments: not a JSON schema: {fault}"
        return
    if schema.get("type", "object") not in ("object", ["object"]) and "object" not in schema["type"]:
        yield f"arguments: they are an object, so type {schema['type']!r} would never match"
    yield from _about_keywords(schema)


@lru_cache(maxsize=1024)
def _schema_fault(text: str) -> str | None:
    """Remembered, because the next version of a policy mostly has the same conditions and a check takes 0.5 ms."""
    try:
        Draft202012Validator.check_schema(json.loads(text))
    except SchemaError as error:
        where = "/".join(str(part) for part in error.absolute_path) or "the schema"
        return f"{where}: {error.message[:200]}"
    return None


def _about_keywords(schema: Any) -> Iterator[str]:
    """What the metaschema lets pass and an evaluation must not meet: references, and patterns without a bound."""
    for key, value in members(schema):
        if key in REFERENCES:
            yield f"arguments: {key} is not supported; write the schema out"
        patterns = [value] if key == "pattern" else list(value) if key == "patternProperties" else []
        for pattern in (each for each in patterns if isinstance(each, str)):
            if len(pattern) > LONGEST_PATTERN or _EXPLOSIVE.search(pattern):
                yield f"arguments: the pattern {pattern[:60]!r} may take too long to match"
