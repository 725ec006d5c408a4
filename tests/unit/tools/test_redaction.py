"""Secrets are blotted out of texts in whatever usual form they come back."""

import html
import json
from base64 import b64encode, urlsafe_b64encode
from itertools import pairwise
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hortus_agents.tools.redaction import BLOTTED, Redactor, StreamRedactor, forms_of

SECRET = 'pa$$/w+ö?rd "1&2'
FORMS = [
    SECRET,
    f"Bearer {SECRET}!",
    quote(SECRET, safe=""),
    quote(SECRET, safe="").lower(),
    quote_plus(SECRET),
    urlencode({"token": SECRET}),
    json.dumps({"deep": [json.dumps(SECRET)[1:-1]]}),
    json.dumps({"echo": SECRET}, ensure_ascii=False),
    json.dumps({"echo": SECRET}).replace("/", "\\/"),
    html.escape(SECRET),
    SECRET.encode().hex(),
    SECRET.encode().hex().upper(),
    SECRET[::-1],
    *(b64encode(before + SECRET.encode() + b" and more").decode() for before in (b"", b"u", b"us", b"user:", b"a:b")),
    *(urlsafe_b64encode(before + SECRET.encode()).decode().rstrip("=") for before in (b"", b"u", b"us")),
]


@pytest.mark.parametrize("text", FORMS)
def test_forms(text: str) -> None:
    redacted = Redactor([SECRET]).text(f"<p>{text}</p>")
    assert BLOTTED in redacted
    for tell_tale in ("w+", "pa$$", quote(SECRET, safe="")[:12], SECRET.encode().hex()[4:20]):
        assert tell_tale not in redacted


def test_other_texts_stay_as_they_are() -> None:
    text = "a page about passwords, " + b64encode(b"nothing of the kind in here").decode()
    assert Redactor([SECRET]).text(text) == text
    assert Redactor([]).text(SECRET) == SECRET


def test_a_tree_is_redacted_in_keys_and_values() -> None:
    tree = {"a": [SECRET, 1, None], f"k {SECRET}": {"b": True}}
    assert Redactor([SECRET]).tree(tree) == {"a": [BLOTTED, 1, None], f"k {BLOTTED}": {"b": True}}


def test_a_secret_within_a_longer_one_leaves_nothing_of_either() -> None:
    redactor = Redactor(["abcdefgh", "abcdefgh-ijklmnop"])
    assert redactor.text("x abcdefgh-ijklmnop y abcdefgh z") == f"x {BLOTTED} y {BLOTTED} z"


def _texts() -> st.SearchStrategy[tuple[list[str], list[str]]]:
    """Values that share beginnings, and pieces of texts full of them, their encodings, and parts of both."""
    values = st.lists(st.text("ab/=é", min_size=8, max_size=14), min_size=1, max_size=3)

    def pieces(known: list[str]) -> st.SearchStrategy[tuple[list[str], list[str]]]:
        forms = sorted({form for value in known for form in forms_of(value)})
        some = st.sampled_from(forms)
        parts = st.one_of(
            some,
            st.builds(lambda form, at: form[:at], some, st.integers(1, 12)),
            st.builds(lambda form, at: form[at:], some, st.integers(1, 12)),
            st.text("ab/= %2", max_size=4),
        )
        return st.tuples(st.just(known), st.lists(parts, max_size=8))

    return values.flatmap(pieces)


@given(_texts(), st.lists(st.integers(0, 200), max_size=30))
@settings(max_examples=40)
def test_pieces_of_a_stream_are_together_the_redacted_whole(
    world: tuple[list[str], list[str]], places: list[int]
) -> None:
    values, parts = world
    whole = "".join(parts)
    redactor = Redactor(values)
    stream = StreamRedactor(redactor)
    cuts = [0, *sorted(min(place, len(whole)) for place in places), len(whole)]
    longest = max(len(form) for value in values for form in forms_of(value))
    shown = ""
    for first, last in pairwise(cuts):
        shown += stream.push(whole[first:last])
        assert len(redactor.text(whole[:last])) - len(shown) < longest + len(BLOTTED)
    assert shown + stream.flush() == redactor.text(whole)


def test_text_that_cannot_be_a_value_is_not_held_back() -> None:
    stream = StreamRedactor(Redactor(["hunter22-hunter22"]))
    assert [stream.push(piece) for piece in ("some ", "words, h", "un", "dred")] == ["some ", "words, ", "", "hundred"]
    assert stream.push("hunter22-hun") == ""
    assert stream.push("ter22!") == f"{BLOTTED}!"
    assert stream.flush() == ""


def test_half_a_value_at_a_cut_goes_and_a_few_letters_stay() -> None:
    redactor = Redactor(["hunter22-hunter22"])
    assert redactor.cut("it is hunter22-h") == f"it is {BLOTTED}"
    assert redactor.cut("it is hun") == "it is hun"
