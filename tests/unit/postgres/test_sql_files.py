"""The `.sql` files beside the PostgreSQL adapters: well-formed, all used, none missing."""

import re
from pathlib import Path

import pytest

from hortus_server.adapters.postgres import statements
from hortus_server.adapters.postgres.statements import load_statements, parse_statements

FOLDER = Path(statements.__file__).parent
FILES = sorted(path.name for path in FOLDER.glob("*.sql"))
CALL = re.compile(r"self\._sql\.(one|many|page|count)\(\s*\"([a-z_]+)\"|sql\.(one|many|page|count)\(\s*\"([a-z_]+)\"")
KIND_OF_METHOD = {"one": "one", "many": "many", "page": "page", "count": "exec"}

GOOD = "-- name: a_thing :one\n-- Why.\nSELECT 1\n\n-- name: others :many\n-- Why else.\nSELECT 2 -- two\n"


def test_blocks_become_statements():
    found = parse_statements(GOOD, source="x.sql")
    assert [(s.name, s.kind, s.purpose, s.sql) for s in found.values()] == [
        ("a_thing", "one", "Why.", b"SELECT 1"),
        ("others", "many", "Why else.", b"SELECT 2 -- two"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SELECT 1",
        "SELECT 0\n" + GOOD,
        "-- name: a :one\nSELECT 1\n",  # no purpose
        "-- name: a :two\n-- Why.\nSELECT 1\n",
        GOOD + "\n-- name: a_thing :one\n-- Again.\nSELECT 3\n",
        GOOD + "\n-- name: bad name :one\n-- Why.\nSELECT 3\n",
    ],
)
def test_malformed_files_are_refused(text):
    with pytest.raises(ValueError, match=r"x\.sql"):
        parse_statements(text, source="x.sql")


@pytest.mark.parametrize("file_name", FILES)
def test_code_and_file_name_the_same_statements_in_the_same_way(file_name):
    declared = {name: statement.kind for name, statement in load_statements(file_name).items()}
    source = (FOLDER / file_name).with_suffix(".py").read_text()
    if file_name == "events.sql":
        source = source.replace('"append_events" if generation is None else "append_fenced"', '"append_events"')
        declared.pop("append_fenced")
    used = {name: KIND_OF_METHOD[method] for own, own_name, other, other_name in CALL.findall(source)
            for method, name in [(own or other, own_name or other_name)]}  # fmt: skip
    assert used == declared


@pytest.mark.parametrize("file_name", FILES)
def test_every_parameter_is_bound_by_name(file_name):
    for statement in load_statements(file_name).values():
        text = re.sub(r"%\([a-z_0-9]+\)s", "", statement.sql.decode())
        assert "%" not in text, statement.name
        assert "SELECT *" not in text, statement.name
