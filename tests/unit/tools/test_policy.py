"""Who may call what by default, and what a decision about a call is bound to."""

from dataclasses import replace
from typing import Any

import pytest
from agent_world import SPEC, EchoTool, named

from hortus_agents.messages import ToolCall
from hortus_agents.spec import ApprovalSpec
from hortus_agents.tools.identity import call_sha256, tool_version
from hortus_agents.tools.policy import Allow, Approve, Deny, ProposedCall, ShippedPolicy, Verdict
from hortus_agents.tools.port import SideEffect
from hortus_agents.tools.proxy import Admitted, NeedsPerson, Observation, ToolProxy


def judge(reach: int, approval: ApprovalSpec, *, name: str = "echo", **arguments: Any) -> Verdict:
    spec = SPEC.model_copy(update={"approval": approval, "http_allow": ("a.org",)})
    return ShippedPolicy().judge(
        ProposedCall(EchoTool(name=name, side_effect=SideEffect(reach)).definition, arguments, spec)
    )


@pytest.mark.parametrize(
    ("reach", "approval", "expected"),
    [
        (0, ApprovalSpec(), Allow),
        (1, ApprovalSpec(), Allow),
        (2, ApprovalSpec(), 1),
        (3, ApprovalSpec(), 2),
        (0, ApprovalSpec(tools=("echo",)), 1),
        (0, ApprovalSpec(tools=("other",)), Allow),
        (1, ApprovalSpec(from_class=2), Allow),
        (2, ApprovalSpec(from_class=2), 1),
        (2, ApprovalSpec(tools=("echo",)), 1),
        (3, ApprovalSpec(from_class=2), 2),
        (3, ApprovalSpec(tools=("echo",)), 2),
        (1, ApprovalSpec(from_class=0), 1),
    ],
)
def test_what_is_allowed_denied_or_a_person_s_affair(reach: int, approval: ApprovalSpec, expected: Any) -> None:
    verdict = judge(reach, approval)
    if isinstance(expected, int):
        assert isinstance(verdict, Approve)
        assert (verdict.persons, verdict.expires_s) == (expected, approval.expires_s)
    else:
        assert isinstance(verdict, expected)


def test_a_person_cannot_give_what_the_definition_withholds() -> None:
    asks = ApprovalSpec(tools=("http_get",))
    assert isinstance(judge(2, asks, name="http_get", url="https://b.org/"), Deny)
    assert isinstance(judge(2, asks, name="http_get", url="https://a.org/"), Approve)
    assert isinstance(judge(2, ApprovalSpec(), name="http_get", url="https://a.org/"), Allow)


ECHO = EchoTool().definition
CALL = ToolCall(id="c1", name="echo", arguments={"text": "hi", "n": 1})


@pytest.mark.parametrize(
    "changed",
    [
        CALL.model_copy(update={"arguments": {"text": "hi", "n": 2}}),
        CALL.model_copy(update={"arguments": {"text": "hi"}}),
        CALL.model_copy(update={"arguments": {"text": "hi", "n": "1"}}),
        CALL.model_copy(update={"arguments": {"text": "hi", "n": True}}),
        CALL.model_copy(update={"name": "other"}),
    ],
)
def test_another_call_has_another_hash(changed: ToolCall) -> None:
    version = tool_version(ECHO)
    assert call_sha256(CALL, version) != call_sha256(changed, version)


def test_the_form_of_a_call_does_not_matter_to_its_hash() -> None:
    version = tool_version(ECHO)
    same = CALL.model_copy(update={"id": "c2", "arguments": {"n": 1.0, "text": "hi"}})
    assert call_sha256(CALL, version) == call_sha256(same, version)


@pytest.mark.parametrize(
    "other",
    [
        replace(ECHO, side_effect=SideEffect.EXTERNAL),
        replace(ECHO, version_id=named("version")),
        replace(ECHO, spec=ECHO.spec.model_copy(update={"description": "Says something else."})),
    ],
)
def test_a_tool_that_promises_something_else_is_another_version(other: Any) -> None:
    assert tool_version(other) != tool_version(ECHO)
    assert tool_version(other) == tool_version(replace(other))


def test_only_the_hash_of_this_very_call_lets_it_through() -> None:
    spec = SPEC.model_copy(update={"approval": ApprovalSpec(tools=("echo",))})
    proxy = ToolProxy([EchoTool()])
    call = ToolCall(id="c1", name="echo", arguments={"text": "hi"})
    needs = proxy.admit(call, spec)
    assert isinstance(needs, NeedsPerson)
    assert isinstance(proxy.admit(call, spec, approved=needs.call_sha256), Admitted)
    assert isinstance(proxy.admit(call, spec, approved="0" * 64), NeedsPerson)
    other = call.model_copy(update={"arguments": {"text": "ho"}})
    assert isinstance(proxy.admit(other, spec, approved=needs.call_sha256), NeedsPerson)
    assert isinstance(ToolProxy([]).admit(call, spec, approved=needs.call_sha256), Observation)
