import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hortus_agents.models.partial_json import PropertyReader

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text() | st.just("answer"), children, max_size=3)
    ),
    max_leaves=8,
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def read(document: str, size: int) -> tuple[str, PropertyReader]:
    reader = PropertyReader("answer")
    return "".join(reader.feed(document[at : at + size]) for at in range(0, len(document), size)), reader


@given(
    before=st.dictionaries(TEXT.filter(lambda key: key != "answer"), JSON, max_size=3),
    answer=TEXT,
    after=JSON,
    size=st.integers(1, 7),
    ascii_only=st.booleans(),
)
def test_pieces_add_up_to_the_property(
    before: dict[str, object], answer: str, after: object, size: int, ascii_only: bool
) -> None:
    document = json.dumps({**before, "answer": answer, "later": after}, ensure_ascii=ascii_only)

    text, reader = read(document, size)

    assert text == answer
    assert reader.done


def test_only_what_is_new_is_given() -> None:
    reader = PropertyReader("answer")

    assert [reader.feed(piece) for piece in ('{"ans', 'wer": "Hel', "lo", ' \\"you', '\\"", "x": "no"}')] == [
        "",
        "Hel",
        "lo",
        ' "you',
        '"',
    ]


def test_an_escape_is_held_back_until_it_is_whole() -> None:
    reader = PropertyReader("answer")

    assert [reader.feed(piece) for piece in ('{"answer":"a\\', "u00e", "9 \\ud83d", "\\ude00!")] == [
        "a",
        "",
        "é ",
        "😀!",
    ]


@pytest.mark.parametrize(
    "document",
    [
        '{"tool": "answer", "arguments": {"answer": "inner"}}',
        '{"answer": 3, "x": "y"}',
        '{"answer": null, "x": "answer"}',
        '{"answer": ["in a list"]}',
        '["answer", "x"]',
        '{"answer": "\\ud83d lone"}',
    ],
)
def test_what_is_not_the_property_gives_nothing(document: str) -> None:
    assert read(document, 3)[0] == ""


def test_a_long_text_costs_no_more_per_character_than_a_short_one() -> None:
    class Counted(PropertyReader):
        looked_at = 0

        def feed(self, chunk: str) -> str:
            text = super().feed(chunk)
            Counted.looked_at += len(self._pending)
            return text

    document = json.dumps({"code": 'x = "1"\n' * 4_000, "answer": "line\n" * 4_000})
    reader = Counted("answer")
    for at in range(0, len(document), 4):
        reader.feed(document[at : at + 4])

    assert reader.done
    assert Counted.looked_at < len(document)
