import math
from typing import Any

import pytest

from hortus_agents.json_text import DEEPEST, read_json, storable


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


@pytest.mark.parametrize(
    "text",
    ["NaN", '{"a": -Infinity}', "1e999", "1" + "0" * 400, r'"\ud800"', r'{"\ud800": 1}', nested(DEEPEST + 1)],
    ids=["nan", "infinity", "beyond a double", "400 digits", "half a pair", "half a pair as a key", "too deep"],
)
def test_what_a_log_could_not_give_back_is_no_json(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_json(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("100000000000000000000", 1e20), (r'{"a\u0000": ["\u0000"]}', {"a�": ["�"]}), ('{"a": 1, "a": 2}', {"a": 2})],
)
def test_the_value_is_the_one_that_a_log_gives_back(text: str, value: Any) -> None:
    assert read_json(text) == value


def test_what_is_as_deep_as_may_be_is_read() -> None:
    assert read_json(nested(DEEPEST))


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (math.factorial(30), float(math.factorial(30))),
        ([math.factorial(200)], ["a number of 1246 bits"]),
        ({"a": "\0"}, {"a": "�"}),
        ("\ud800", "(a value that cannot be stored)"),
        (True, True),
    ],
)
def test_what_code_gave_back_can_be_stored(value: Any, kept: Any) -> None:
    assert storable(value) == kept
