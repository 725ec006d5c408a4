import re
from dataclasses import fields
from pathlib import Path

import pytest
from pydantic import BaseModel

from hortus_agents.models.endpoint import ModelEndpoint
from hortus_agents.models.scripted import Condition, ErrorReply, Reply, Rule, Script, parse_script

GUIDES = Path(__file__).parents[3] / "docs" / "guides"


def documented(guide: str) -> set[str]:
    return set(re.findall(r"`(\w+)`", (GUIDES / guide).read_text(encoding="utf-8")))


@pytest.mark.parametrize("part", [Condition, Reply, ErrorReply, Rule, Script])
def test_every_field_of_a_script_is_documented(part: type[BaseModel]) -> None:
    written = {"json" if name == "json_value" else name for name in part.model_fields}
    example = {"models", "rules", "name", "reply"}  # shown by the example

    assert written - example <= documented("scripted-model.md")


def test_the_guide_s_script_is_valid() -> None:
    text = (GUIDES / "scripted-model.md").read_text(encoding="utf-8")
    example = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)

    assert example is not None
    assert len(parse_script(example.group(1), source="guide").rules) == 4


def test_every_field_of_an_endpoint_is_documented() -> None:
    assert {field.name for field in fields(ModelEndpoint)} <= documented("models.md")
