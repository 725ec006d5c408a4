"""Schemas that somebody else wrote reach nothing and stop nothing."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from agent_world import SPEC, EchoTool

from hortus_agents.errors import ToolRetryError
from hortus_agents.labels import Label
from hortus_agents.messages import ToolCall
from hortus_agents.schemas import foreign_fault
from hortus_agents.tools.builtin.read_untrusted import ReadUntrustedTool
from hortus_agents.tools.port import ToolDefinition
from hortus_agents.tools.proxy import Admitted, NeedsPerson, Observation, ToolProxy

SLOW = "^(a|aa)+$"


class Relayed(EchoTool):
    """A tool of another server, with its schema."""

    parameters: Any = None

    @property
    def definition(self) -> ToolDefinition:
        known = super().definition
        spec = known.spec.model_copy(update={"parameters": self.parameters})
        return replace(known, spec=spec, described_by=Label(origin="tool", trust=0, source="tools.example"))


def admit(parameters: Any, text: str) -> Admitted | NeedsPerson | Observation:
    tool = Relayed()
    tool.parameters = parameters
    return ToolProxy([tool]).admit(ToolCall(id="c", name="echo", arguments={"text": text}), SPEC)


def test_a_reference_beyond_a_schema_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "inside.json").write_text(json.dumps({"required": ["what_only_the_host_knows"]}))
    refused = admit({"type": "object", "$ref": (tmp_path / "inside.json").as_uri()}, "hi")
    assert isinstance(refused, Observation)
    assert refused.content == "invalid arguments of echo: nothing can be checked by its schema"


def test_a_reference_within_a_schema_is() -> None:
    schema = {"type": "object", "properties": {"text": {"$ref": "#/$defs/short"}}, "$defs": {"short": {"maxLength": 3}}}
    assert isinstance(admit(schema, "hi"), Admitted)
    assert isinstance(admit(schema, "hello"), Observation)


def test_what_is_no_schema_refuses_every_call() -> None:
    assert isinstance(admit({"type": 5}, "hi"), Observation)


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "schema", [{"properties": {"text": {"pattern": SLOW}}}, {"propertyNames": {"pattern": SLOW}},
               {"patternProperties": {SLOW: {}}, "additionalProperties": False, "unevaluatedProperties": False}]
)  # fmt: skip
def test_a_pattern_of_somebody_else_s_stops_no_worker(schema: dict[str, Any]) -> None:
    arguments = {"text": "a" * 60 + "!"} if "patternProperties" not in schema else {"a" * 60 + "!": ""}
    tool = Relayed()
    tool.parameters = {"type": "object", **schema}
    admitted = ToolProxy([tool]).admit(ToolCall(id="c", name="echo", arguments=arguments), SPEC)
    assert isinstance(admitted, Admitted)


@pytest.mark.parametrize(
    ("schema", "fault"),
    [
        ({"type": 5}, "not a JSON schema"),
        ({"properties": {"a": {"$ref": "http://169.254.169.254/"}}}, "$ref is not taken"),
        ({"anyOf": [{"$dynamicRef": "#a"}]}, "$dynamicRef is not taken"),
        ({"properties": {"a": {"pattern": "^a$"}}}, "pattern is not taken"),
        ({"patternProperties": {"^a$": {}}}, "patternProperties is not taken"),
    ],
)
def test_what_reaches_out_or_may_take_for_ever_is_not_taken(schema: dict[str, Any], fault: str) -> None:
    assert (foreign_fault(schema) or "").startswith(fault)


async def test_a_reader_is_asked_for_no_pattern() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "pattern": SLOW}}}
    nobody: Any = None
    with pytest.raises(ToolRetryError, match="pattern is not taken"):
        await ReadUntrustedTool(nobody).call({"question": "?", "schema": schema, "text": "x"}, nobody)


def test_a_property_may_be_called_as_a_keyword_is() -> None:
    assert foreign_fault({"properties": {"pattern": {"type": "string"}, "$ref": {"enum": ["$ref"]}}}) is None
