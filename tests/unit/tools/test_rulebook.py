"""Rules: which one decides, whatever the order of conditions; and which rules are no rules."""

import re
from typing import Any, get_args

import pytest
from agent_world import SPEC, EchoTool, named
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from hortus_agents.labels import RunLabels
from hortus_agents.spec import ApprovalSpec
from hortus_agents.tools.policy import (
    SHIPPED,
    Allow,
    Approve,
    Deny,
    PolicyRef,
    ProposedCall,
    UnavailablePolicy,
    Verdict,
    shipped_verdict,
)
from hortus_agents.tools.port import SideEffect
from hortus_agents.tools.rulebook import RulePolicy
from hortus_agents.tools.rules import Effect, PolicyRules, Rule

OURS = PolicyRef("ours", 3, named("policy"))
TOOLS = ["echo", "mail_send", "mail_read", "ship"]
CONDITIONS = [
    None,
    {"required": ["to"]},
    {"properties": {"to": {"const": "boss"}}, "required": ["to"]},
    {"properties": {"n": {"maximum": 3}}},
    {"properties": {"n": {"minimum": 2, "maximum": 4}, "to": {"enum": ["boss", "me"]}}},
    {"properties": {"n": {"const": 1}, "to": {"type": "string", "pattern": "^b"}}},
]


def call(
    name: str = "echo", reach: int = 2, *, untrusted: bool = False, spec: Any = SPEC, **given: Any
) -> ProposedCall:
    definition = EchoTool(name=name, side_effect=SideEffect(reach)).definition
    return ProposedCall(definition, given, spec, RunLabels(untrusted=("web",) if untrusted else ()))


def policy(*rules: Rule) -> RulePolicy:
    return RulePolicy([(OURS, PolicyRules(rules=rules))], revision=7)


@st.composite
def rule_lists(draw: st.DrawFn) -> list[Rule]:
    found = []
    for place in range(draw(st.integers(0, 6))):
        low = draw(st.integers(0, 3))
        effect: Any = draw(st.sampled_from(get_args(Effect)))
        tools = st.lists(st.sampled_from([*TOOLS, "mail_*", "*", "s?ip"]), min_size=1, max_size=2)
        rule = Rule(
            name=f"r{place}",
            tools=tuple(draw(tools)),
            from_class=low,
            to_class=draw(st.integers(low, 3)),
            arguments=draw(st.sampled_from(CONDITIONS)),
            untrusted=draw(st.sampled_from([None, True, False])),
            effect=effect,
            persons=draw(st.sampled_from([None, 1, 2])) if effect == "approve" else None,
        )
        found.append(rule)
    return found


CALLS = st.builds(
    call,
    st.sampled_from(TOOLS),
    st.integers(0, 3),
    untrusted=st.booleans(),
    to=st.sampled_from(["boss", "all", 1, None]),
    n=st.one_of(st.integers(0, 6), st.sampled_from([2.5, True, "2", None])),
)


def fits(rule: Rule, one: ProposedCall) -> bool:
    """The same, told in the plainest way."""
    name = one.definition.spec.name
    globs = [re.compile("^" + glob.replace("*", ".*").replace("?", ".") + "$") for glob in rule.tools]
    return (
        any(glob.match(name) for glob in globs)
        and rule.from_class <= one.definition.side_effect <= rule.to_class
        and (rule.untrusted is None or rule.untrusted == bool(one.labels.untrusted))
        and (rule.arguments is None or Draft202012Validator(rule.arguments).is_valid(one.arguments))
    )


@given(rule_lists(), CALLS)
def test_the_first_rule_that_fits_decides_and_without_one_the_defaults(rules: list[Rule], one: ProposedCall) -> None:
    verdict = policy(*rules).judge(one)
    first = next((rule for rule in rules if fits(rule, one)), None)
    if first is None:
        assert verdict == shipped_verdict(one)
    else:
        assert (verdict.rule, verdict.policy) == (first.name, OURS)


@given(rule_lists(), rule_lists(), CALLS)
def test_an_agent_s_rules_come_before_its_tenant_s(mine: list[Rule], all_s: list[Rule], one: ProposedCall) -> None:
    agent = PolicyRef("agent", 1, named("agent"))
    both = RulePolicy([(agent, PolicyRules(rules=mine)), (OURS, PolicyRules(rules=all_s))], revision=1)
    alone = RulePolicy([(agent, PolicyRules(rules=mine))], revision=1).judge(one)
    assert both.judge(one) == (policy(*all_s).judge(one) if alone.policy == SHIPPED else alone)


@given(rule_lists(), CALLS)
def test_nothing_that_cannot_be_taken_back_happens_without_two_persons(rules: list[Rule], one: ProposedCall) -> None:
    verdict = policy(*rules).judge(call(one.definition.spec.name, 3, **one.arguments))
    assert isinstance(verdict, Deny) or (isinstance(verdict, Approve) and verdict.persons == 2)


def test_a_rule_that_says_so_and_names_its_tools_makes_class_three_easier() -> None:
    easy = Rule(name="pay", tools=("ship",), effect="approve", irreversible=True)
    verdict = policy(easy).judge(call("ship", 3))
    assert isinstance(verdict, Approve)
    assert verdict.persons == 1
    free = Rule(name="pay", tools=("ship",), effect="allow", irreversible=True)
    assert isinstance(policy(free).judge(call("ship", 3)), Allow)


@pytest.mark.parametrize("effect", ["allow", "approve"])
def test_no_rule_gives_what_an_agent_s_definition_withholds(effect: Effect) -> None:
    broad = policy(Rule(name="all", effect=effect))
    assert isinstance(broad.judge(call("http_get", url="https://evil.example/")), Deny)
    asking = SPEC.model_copy(update={"approval": ApprovalSpec(tools=("echo",))})
    assert isinstance(broad.judge(call(spec=asking)), Approve)


def test_what_a_rule_says_stands_in_the_verdict() -> None:
    rule = Rule(name="mail", tools=("mail_*",), effect="approve", reason="mail is read first", persons=2, expires_s=60)
    verdict = policy(rule).judge(call("mail_send"))
    assert verdict == Approve("mail is read first", 2, 60, "mail", OURS)


@pytest.mark.parametrize(("reach", "kind"), [(0, Allow), (1, Deny), (2, Deny), (3, Deny)])
def test_without_policies_only_reads_go_on(reach: int, kind: type[Verdict]) -> None:
    assert isinstance(UnavailablePolicy().judge(call(reach=reach)), kind)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"tools": []}, "tools"),
    ({"tools": [""]}, "tools"),
    ({"from_class": 3, "to_class": 1}, "never match"),
    ({"persons": 2}, "belong to the effect approve"),
    ({"expires_s": 5}, "belong to the effect approve"),
    ({"effect": "deny", "rate": {"calls": 1, "window_s": 1}}, "this rule denies them"),
    ({"irreversible": True}, "exact names"),
    ({"irreversible": True, "tools": ["a"], "to_class": 2}, "leaves out"),
    ({"irreversible": True, "tools": ["a"], "effect": "deny"}, "does not"),
    ({"arguments": {"type": "strin"}}, "not a JSON schema: type"),
    ({"arguments": {"type": "string"}}, "never match"),
    ({"arguments": {"properties": {"a": {"$ref": "http://x/y"}}}}, "$ref is not supported"),
    ({"arguments": {"properties": {"a": {"pattern": "(a+)+$"}}}}, "too long to match"),
    ({"arguments": {"properties": {"a": {"pattern": "("}}}}, "not a JSON schema"),
    ({"arguments": {"enum": ["x" * 30_000]}}, "longer than"),
]


@pytest.mark.parametrize(("fields", "words"), BAD)
def test_a_rule_that_could_not_mean_what_it_says_is_refused_by_name(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        PolicyRules.model_validate(
            {"rules": [{"name": "good", "effect": "allow"}, {"name": "x", "effect": "allow"} | fields]}
        )
    told = str(refused.value)
    assert words in told
    assert "rules.1" in told


def test_two_rules_of_one_name_are_refused() -> None:
    with pytest.raises(ValidationError, match="same name"):
        PolicyRules(rules=(Rule(name="a", effect="deny"), Rule(name="a", effect="allow")))
