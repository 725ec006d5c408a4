from typing import Any

import pytest

from hortus_agents.evolution.cases import example_case, same
from hortus_agents.evolution.signature import Signature, read_signature
from hortus_agents.tools.builtin.request_capability import CapabilityRequest

ROMAN = Signature("to_roman", "Roman numerals.", (("number", "integer"),), "string")
MEDIAN = Signature("median", "Median.", (("values", "array of number"),), "number")
REPEAT = Signature("repeat", "Repeat.", (("text", "string"), ("times", "integer")), "string")


@pytest.mark.parametrize(
    ("signature", "given", "wanted", "arguments", "expected"),
    [
        (ROMAN, "1994", "MCMXCIV", {"number": 1994}, "MCMXCIV"),
        (ROMAN, "number=1994", '"MCMXCIV"', {"number": 1994}, "MCMXCIV"),
        (ROMAN, '{"number": 4}', "'IV'", {"number": 4}, "IV"),
        (MEDIAN, "[3, 1, 2]", "2", {"values": [3, 1, 2]}, 2),
        (REPEAT, '["ab", 2]', "abab", {"text": "ab", "times": 2}, "abab"),
    ],
)
def test_examples_in_the_words_of_models(
    signature: Signature, given: str, wanted: str, arguments: Any, expected: Any
) -> None:
    case = example_case(CapabilityRequest("n", "p", given, wanted), signature, task="")
    assert case is not None
    assert (case.arguments, case.expected, case.origin) == (arguments, expected, "requester")


@pytest.mark.parametrize(("given", "wanted"), [("many", "IV"), (None, "IV"), ("4", None), ("[1, 2]", "IV")])
def test_examples_that_do_not_fit_are_none(given: str | None, wanted: str | None) -> None:
    assert example_case(CapabilityRequest("n", "p", given, wanted), ROMAN, task="") is None


@pytest.mark.parametrize(
    ("task", "origin"),
    [
        ("1994 is MCMXCIV; what is 2024?", "user"),
        ("what is 1994 in Roman numerals?", "requester"),
        ("11994 is MCMXCIVI", "requester"),
        ("", "requester"),
    ],
)
def test_an_example_is_the_users_only_if_all_of_it_stands_in_the_task(task: str, origin: str) -> None:
    case = example_case(CapabilityRequest("n", "p", "1994", "MCMXCIV"), ROMAN, task=task)
    assert case is not None
    assert case.origin == origin


def test_a_result_that_only_stands_inside_the_input_is_a_guess() -> None:
    request = CapabilityRequest("median", "p", "[7, 1, 9]", "7")
    case = example_case(request, MEDIAN, task="Get the median of [7, 1, 9].")
    assert case is not None
    assert case.origin == "requester"


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (1, 1.0, True), (3.3333333, 10 / 3, True), (1, True, False), ([1, 2], [1, 2.0], True), ([1], [1, 2], False),
        ({"a": 1}, {"a": 1.0}, True), ({"a": 1}, {"b": 1}, False), ("a", "a", True), ("1", 1, False),
        (None, None, True),
    ],
)  # fmt: skip
def test_equality_of_json_values(one: Any, other: Any, equal: bool) -> None:
    assert same(one, other) is equal


def test_a_signature_gets_usable_free_names() -> None:
    value = {
        "name": "median", "description": "x  y", "returns": "number",
        "parameters": [{"name": "class", "type": "string"}, {"name": "n", "type": "integer"}],
    }  # fmt: skip
    signature = read_signature(value, taken=frozenset({"median", "median_2"}))
    assert signature.head == "def median_3(class_: str, n: int) -> float:"


def test_two_parameters_of_one_name_are_refused() -> None:
    twice = [{"name": "n", "type": "string"}] * 2
    with pytest.raises(ValueError, match="same name"):
        read_signature({"name": "f", "description": "d", "parameters": twice, "returns": "string"}, taken=frozenset())
