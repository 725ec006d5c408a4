import pytest

from hortus_agents.evolution.static_check import StaticCheckError, check_source, clean_source
from hortus_agents.tools.capability import ToolPermissions

GOOD = '''
import math
from collections import Counter

PRIMES = (2, 3, 5)

class Pair:
    def __init__(self):
        self.n = 1

def area(r, unit="m"):
    """Area."""
    return math.pi * r ** 2
'''


def test_a_plain_function_passes() -> None:
    check_source(GOOD.replace("def __init__", "def begin"), function="area", parameters=["r"])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return open('x')", "open is not allowed"),
        ("return eval('1')", "eval is not allowed"),
        ("exec('1')", "exec is not allowed"),
        ("return __import__('os')", "__import__ is not allowed"),
        ("return ().__class__.__bases__", ".__"),
        ("return getattr(r, 'x')", "getattr is not allowed"),
        ("return globals()", "globals is not allowed"),
        ("return '{0.__class__}'.format(r)", "double underscores"),
        ("import os", "the module os is not allowed"),
        ("from subprocess import run", "the module subprocess is not allowed"),
        ("import urllib.request", "the module urllib.request is not allowed"),
        ("from . import x", "the module . is not allowed"),
        ("from os.path import join", "the module os.path is not allowed"),
    ],
)
def test_tricks_are_refused(body: str, words: str) -> None:
    with pytest.raises(StaticCheckError, match=words.replace(".", r"\.")):
        check_source(f"def area(r):\n    {body}\n", function="area", parameters=["r"])


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def area(r)\n  pass", "does not parse"),
        ("def other(r):\n    return 1", "does not define a function area"),
        ("def area():\n    return 1", r"must take exactly \(r\), not \(\)"),
        ("def area(radius):\n    return 1", r"not \(radius\)"),
        ("def area(r, s):\n    return 1", r"not \(r, s\)"),
        ("def area(r, *, s):\n    return 1", "must take exactly"),
        ("async def area(r):\n    return 1", "only imports"),
        ("def area(r):\n    return 1\narea(2)", "line 3: only imports, constants and definitions"),
        ("x = " + "1 + " * 3_000 + "1", "longer than"),
    ],
)
def test_shapes_that_cannot_be_the_tool_are_refused(source: str, words: str) -> None:
    with pytest.raises(StaticCheckError, match=words):
        check_source(source, function="area", parameters=["r"])


def test_a_source_names_only_secrets_that_it_declares() -> None:
    source = "def area(r):\n    return '{{secret:OTHER}}'"
    declared = ToolPermissions(secrets=("TOKEN",))
    with pytest.raises(StaticCheckError, match="names the secret OTHER, which its permissions do not declare"):
        check_source(source, function="area", parameters=["r"], permissions=declared)
    check_source(source.replace("OTHER", "TOKEN"), function="area", parameters=["r"], permissions=declared)


def test_parameters_with_defaults_may_follow() -> None:
    check_source("def area(r, unit='m'):\n    return r", function="area", parameters=["r"])


def test_example_calls_are_cut_off_and_forgotten_imports_added() -> None:
    source = "def area(r):\n    return math.pi * r ** 2\n\nprint(area(2))\nif __name__ == '__main__':\n    area(3)\n"
    assert clean_source(source) == "import math\n\ndef area(r):\n    return math.pi * r ** 2\n"


def test_decorators_and_own_names_survive_cleaning() -> None:
    source = "from functools import cache\n@cache\ndef f(string):\n    return string.upper()\n"
    cleaned = clean_source(source)
    assert "@cache\ndef f" in cleaned
    assert "import string" not in cleaned
