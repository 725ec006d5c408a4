import json
from pathlib import Path

import pytest

from hortus_agents.errors import ScriptError
from hortus_agents.models.scripted import Reply, load_script, parse_script


def test_a_yaml_script_is_read(tmp_path: Path) -> None:
    path = tmp_path / "script.yaml"
    path.write_text(
        "models: [tiny]\n"
        "rules:\n"
        "  - name: plan\n"
        "    when: {role: planner, round: 2, index: 0, user: 'add|sum'}\n"
        "    reply: {json: {answer: null}}\n"
        "    times: 1\n"
        "default: {text: ok}\n"
    )

    script = load_script(path)

    rule = script.rules[0]
    assert (rule.when.role, rule.when.round, rule.when.index) == (("planner",), ("2",), (0,))
    assert rule.reply.json_value == {"answer": None}
    assert script.default == Reply(text="ok")


def test_a_json_script_is_read() -> None:
    assert parse_script(json.dumps({"default": {"text": "ok"}}), source="x").default == Reply(text="ok")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("rules: [{reply: {text: a}}, {reply: {error: {status: 200}}}]", "rules.1.reply.error.status: "),
        ("rules: [{reply: {text: a, json: {}}}]", "rules.0.reply: .*one of text, json, tool_calls, error or obey"),
        ("default: {}", "default: .*gives none"),
        ("rules: [{when: {rolle: x}, reply: {text: a}}]", "rules.0.when.rolle: Extra inputs"),
        ("rules: [{when: {user: '('}, reply: {text: a}}]", "rules.0.when.user: "),
        ("just a word", "script: "),
        ("rules: [", "not YAML"),
        ("default: {text: a, stall_s: 100000}", "default.stall_s: "),
    ],
)
def test_a_wrong_script_is_refused_with_its_place(text: str, place: str) -> None:
    with pytest.raises(ScriptError, match=f"my.yaml: .*{place}"):
        parse_script(text, source="my.yaml")


def test_a_null_json_reply_is_a_reply() -> None:
    assert parse_script("default: {json: null}", source="x").default is not None


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match=r"absent\.yaml: cannot be read"):
        load_script(tmp_path / "absent.yaml")
