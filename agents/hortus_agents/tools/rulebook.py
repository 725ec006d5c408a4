"""Rules, compiled: which of them could be about a tool is known before a call, what is left is its arguments."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from jsonschema import Draft202012Validator

from hortus_agents.labels import NO_FLOORS, SensitivityFloors
from hortus_agents.messages import JsonObject
from hortus_agents.tools.policy import (
    Allow,
    Approve,
    Deny,
    PolicyRef,
    ProposedCall,
    RateTerm,
    Verdict,
    at_least_two_persons,
    shipped_verdict,
    within_definition,
)
from hortus_agents.tools.rules import PolicyRules, Rule, is_glob

_REMEMBERED: Final = 4096  # tools and classes whose rules are kept at hand


@dataclass(frozen=True, slots=True)
class _Compiled:
    """One rule of one version; `names` are exact, `globs` one pattern for all of its others.

    `needed`, `choices`, `bounds` and `patterns` are what the condition asks of arguments in the plainest terms, and
    less than all of it.
    """

    rule: Rule
    policy: PolicyRef
    names: frozenset[str]
    globs: re.Pattern[str] | None
    condition: Draft202012Validator | None
    needed: frozenset[str]
    choices: tuple[tuple[str, frozenset[str]], ...]
    bounds: tuple[tuple[str, float, float], ...]
    patterns: tuple[tuple[str, re.Pattern[str]], ...]

    @property
    def rate(self) -> RateTerm | None:
        """What a call under the rule uses up."""
        return None if self.rule.rate is None else RateTerm(self.rule.rate, self.policy, self.rule.name)

    def is_about(self, name: str, reach: int) -> bool:
        """Whether calls of a tool may fit at all."""
        if not self.rule.from_class <= reach <= self.rule.to_class:
            return False
        return name in self.names or (self.globs is not None and self.globs.fullmatch(name) is not None)

    def fits(self, call: ProposedCall) -> bool:
        """Whether this call fits, of a tool that the rule is about."""
        rule = self.rule
        if rule.untrusted is not None and rule.untrusted != bool(call.labels.untrusted):
            return False
        if rule.sensitive is not None and rule.sensitive != bool(call.labels.sensitive):
            return False
        return self.condition is None or (self._may_fit(call.arguments) and self.condition.is_valid(call.arguments))

    def _may_fit(self, arguments: Mapping[str, Any]) -> bool:
        """Whether the condition could hold at all: many rules on one tool mostly differ in a text or a number."""
        if not self.needed <= arguments.keys():
            return False
        for key, texts in self.choices:
            if key in arguments and not _is_one_of(arguments[key], texts):
                return False
        if any(key in arguments and _is_beyond(arguments[key], low, high) for key, low, high in self.bounds):
            return False
        found = ((arguments.get(key), pattern) for key, pattern in self.patterns)
        return all(pattern.search(value) for value, pattern in found if isinstance(value, str))

    def verdict(self, call: ProposedCall) -> Verdict:
        """What the rule says of a call that fits."""
        rule, name = self.rule, call.definition.spec.name
        match rule.effect:
            case "deny":
                return Deny(rule.reason or f"the policy {self.policy.name} forbids this call", rule.name, self.policy)
            case "approve":
                reason = rule.reason or f"the policy {self.policy.name} wants a person's approval of {name}"
                expires_s = rule.expires_s or call.spec.approval.expires_s
                found: Verdict = Approve(reason, rule.persons or 1, expires_s, rule.name, self.policy, self.rate)
            case "allow":
                found = Allow(rule.name, self.policy, self.rate, rule.reason)
        return found if rule.irreversible else at_least_two_persons(found, call)


class RulePolicy:
    """Policies in the order in which they are asked, an agent's before its tenant's, and behind them the defaults.

    Pure and immutable but for what it remembers; made once for a revision and shared by runs. See ToolPolicy.
    """

    def __init__(
        self,
        policies: Sequence[tuple[PolicyRef, PolicyRules]],
        *,
        revision: int | None,
        floors: SensitivityFloors = NO_FLOORS,
    ) -> None:
        self._rules = tuple(_compile(rule, ref) for ref, rules in policies for rule in rules.rules)
        self._revision = revision
        self._floors = floors
        self._about: dict[tuple[str, int], tuple[_Compiled, ...]] = {}

    @property
    def revision(self) -> int | None:
        """See ToolPolicy."""
        return self._revision

    @property
    def floors(self) -> SensitivityFloors:
        """See ToolPolicy."""
        return self._floors

    def judge(self, call: ProposedCall) -> Verdict:
        """See ToolPolicy."""
        decided = next((one for one in self._candidates(call) if one.fits(call)), None)
        return within_definition(shipped_verdict(call) if decided is None else decided.verdict(call), call)

    def _candidates(self, call: ProposedCall) -> tuple[_Compiled, ...]:
        key = call.definition.spec.name, int(call.definition.side_effect)
        found = self._about.get(key)
        if found is None:
            if len(self._about) >= _REMEMBERED:
                self._about.clear()
            found = self._about[key] = tuple(one for one in self._rules if one.is_about(*key))
        return found


def _compile(rule: Rule, policy: PolicyRef) -> _Compiled:
    globs = [name for name in rule.tools if is_glob(name)]
    pattern = "|".join(re.escape(name).replace(r"\*", ".*").replace(r"\?", ".") for name in globs)
    return _Compiled(
        rule,
        policy,
        frozenset(rule.tools) - set(globs),
        re.compile(pattern, re.DOTALL) if globs else None,
        None if rule.arguments is None else Draft202012Validator(rule.arguments),
        frozenset(required) if isinstance(required := (rule.arguments or {}).get("required"), list) else frozenset(),
        tuple(_choices(rule.arguments or {})),
        tuple(_bounds(rule.arguments or {})),
        tuple(_patterns(rule.arguments or {})),
    )


def _choices(schema: JsonObject) -> Iterator[tuple[str, frozenset[str]]]:
    """Arguments that can only be one of these texts."""
    for key, wanted in schema.get("properties", {}).items():
        if not isinstance(wanted, dict):
            continue
        values = [wanted["const"]] if "const" in wanted else wanted.get("enum", [])
        if values and all(isinstance(value, str) for value in values):
            yield key, frozenset(values)


def _bounds(schema: JsonObject) -> Iterator[tuple[str, float, float]]:
    """Arguments that, where they are numbers, can only be between these."""
    for key, wanted in schema.get("properties", {}).items():
        if isinstance(wanted, dict) and not {"minimum", "maximum"}.isdisjoint(wanted):
            yield key, wanted.get("minimum", -math.inf), wanted.get("maximum", math.inf)


def _patterns(schema: JsonObject) -> Iterator[tuple[str, re.Pattern[str]]]:
    """What arguments that are texts have to hold; compiled here, since `re` remembers no more than 512."""
    for key, wanted in schema.get("properties", {}).items():
        if isinstance(wanted, dict) and isinstance(wanted.get("pattern"), str):
            yield key, re.compile(wanted["pattern"])


def _is_beyond(value: Any, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not low <= value <= high


def _is_one_of(value: Any, texts: frozenset[str]) -> bool:
    return isinstance(value, str) and value in texts
