"""Secrets are blotted out of texts in whatever usual form they come back."""

import html
import json
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote, quote_plus, urlencode

import pytest

from hortus_agents.tools.redaction import BLOTTED, Redactor

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
