"""What the code offers is documented, and the reference pages say what the code says."""

import re
from pathlib import Path
from typing import Any

import pytest
from cli_page import commands
from errors_page import EDGE_CODES, close_meaning, code_of, error_classes, reaches_clients
from events_page import event_classes, event_type
from pydantic.fields import FieldInfo
from reference_pages import DOCS, PAGES
from routes_page import openapi_document
from settings_page import INTERNAL_VARIABLES, OTHER_VARIABLES, setting_rows

from hortus_agents.errors import AgentsError
from hortus_memory.errors import HortusMemoryError
from hortus_server.api.errors import TITLES
from hortus_server.api.streams.codes import CloseCode
from hortus_server.domain.errors import HortusError

ROOT = Path(__file__).parents[2]
SOURCES = ("server/hortus_server", "agents/hortus_agents", "memory/hortus_memory")
OPEN = {"/healthz", "/readyz", "/metrics", "/v1/auth/login", "/v1/auth/logout"}
SETTINGS = list(setting_rows())
DOCUMENT = openapi_document()
OPERATIONS = [
    (method.upper(), path, operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_reference_page_is_what_the_code_says(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "run `make docs`"


@pytest.mark.parametrize(("variable", "group", "field"), SETTINGS, ids=[row[0] for row in SETTINGS])
def test_a_setting_is_described(variable: str, group: str, field: FieldInfo) -> None:
    assert field.description
    units = {"_s": "second", "_ms": "time", "_bytes": "bytes"}
    for ending, word in units.items():
        if variable.lower().endswith(ending):
            assert word in field.description, f"{variable} names no unit"


def test_every_variable_in_the_code_is_documented() -> None:
    known = {row[0] for row in SETTINGS} | set(OTHER_VARIABLES) | set(INTERNAL_VARIABLES)
    files = [ROOT / "hortus", *(path for source in SOURCES for path in (ROOT / source).rglob("*.py"))]
    used = {name for path in files for name in re.findall(r"\bHORTUS_[A-Z0-9_]*[A-Z0-9]\b", path.read_text())}
    assert used <= known, used - known
    assert set(OTHER_VARIABLES) | set(INTERNAL_VARIABLES) <= used, "documented, but nothing reads it"


@pytest.mark.parametrize(("name", "command"), list(commands()), ids=[name for name, _ in commands()])
def test_a_command_and_its_options_are_described(name: str, command: Any) -> None:
    assert command.help
    options = [one for one in command.params if one.param_type_name == "option" and one.name != "help"]
    assert not [one.name for one in options if not one.help], "options without help"


@pytest.mark.parametrize("cls", event_classes(), ids=event_type)
def test_an_event_says_what_it_means(cls: type) -> None:
    assert cls.__doc__
    assert len(cls.__doc__.split()) >= 3


def test_event_names_are_unique() -> None:
    names = [event_type(cls) for cls in event_classes()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("root", [HortusError, AgentsError, HortusMemoryError])
def test_an_error_says_what_it_means_under_a_code_of_its_own(root: type[Exception]) -> None:
    classes = list(error_classes(root))
    assert all(cls.__doc__ for cls in classes)
    assert len({code_of(cls) for cls in classes}) == len(classes)


def test_every_code_of_the_server_has_a_status_and_a_meaning() -> None:
    raised = {code_of(cls) for cls in error_classes(HortusError) if reaches_clients(cls)}
    assert raised <= set(TITLES), "api/errors.py would answer these as internal"
    assert set(TITLES) == raised | set(EDGE_CODES), "a code that nothing explains"


@pytest.mark.parametrize("code", list(CloseCode), ids=lambda code: code.name)
def test_a_close_code_says_why(code: CloseCode) -> None:
    assert close_meaning(code)


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=[f"{m} {p}" for m, p, _ in OPERATIONS])
def test_a_route_is_described_with_its_errors(method: str, path: str, operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert operation["description"].split("Scope:")[0].strip()
    assert len(operation["tags"]) == 1
    answers = operation["responses"]
    wanted = {"422"} | (set() if path in OPEN else {"401"})
    if "x-required-scope" in operation:
        wanted.add("403")
    if "{" in path:
        wanted.add("404")
    if "requestBody" in operation:
        wanted |= {"400", "413", "415"}
    assert wanted <= set(answers), f"not documented: {wanted - set(answers)}"
    for status, answer in answers.items():
        if status >= "400" and path != "/readyz":
            assert "application/problem+json" in answer["content"], status


def test_operations_have_ids_of_their_own_and_tags_that_exist() -> None:
    ids = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(ids)) == len(ids)
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    assert {operation["tags"][0] for _, _, operation in OPERATIONS} == tags


def test_every_body_has_an_example() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    bodies = {
        content["schema"]["$ref"].rpartition("/")[2]
        for _, _, operation in OPERATIONS
        for content in operation.get("requestBody", {}).get("content", {}).values()
        if "$ref" in content["schema"]
    }
    assert bodies
    for name in bodies:
        schema = schemas[name]
        shown = "examples" in schema or any("examples" in field for field in schema.get("properties", {}).values())
        assert shown, f"{name} shows no example"
