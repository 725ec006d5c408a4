"""Blots secrets out of texts, however a server or a model wrote them back, whole or piece by piece."""

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable
from html import escape
from typing import Any, Final
from urllib.parse import quote, quote_plus

BLOTTED: Final = "[redacted]"
_SHORTEST: Final = 6  # characters of a form: anything shorter may stand in a text by chance
_BITS: Final = 6
_UNDECIDED: Final = 0


class Redactor:
    """Replaces values and their usual encodings: URL, JSON, HTML, hex, and base64 wherever they begin in it."""

    def __init__(self, values: Iterable[str]) -> None:
        forms = {form for value in values for form in forms_of(value)}
        # The longest first: a form that holds another one goes as a whole.
        self._forms = sorted(forms, key=len, reverse=True)
        self._by_start: dict[str, list[str]] = {}
        for form in self._forms:
            self._by_start.setdefault(form[:_SHORTEST], []).append(form)
        self._starts = {form[:length] for form in forms for length in range(1, _SHORTEST)}

    @property
    def empty(self) -> bool:
        """Whether there is nothing to replace."""
        return not self._forms

    @property
    def longest(self) -> int:
        """Characters of the longest form."""
        return len(self._forms[0]) if self._forms else 0

    def text(self, text: str) -> str:
        """The text without them."""
        # Most texts hold none, and a search for each costs less than compiling a pattern for all.
        found = [form for form in self._forms if form in text]
        return re.sub("|".join(map(re.escape, found)), BLOTTED, text) if found else text

    def cut(self, text: str) -> str:
        """The same for a text that was cut off, perhaps in the midst of a value: what may be the half of one goes."""
        redacted = self.text(text)
        for place in range(max(len(redacted) - self.longest + 1, 0), len(redacted) - _SHORTEST + 1):
            if self.stands_at(redacted, place) == _UNDECIDED:
                return redacted[:place] + BLOTTED
        return redacted

    def content(self, content: bytes) -> bytes:
        """The same for bytes: what is text in them, whatever else they are."""
        if self.empty:
            return content
        return self.text(content.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")

    def tree(self, value: Any) -> Any:
        """The same for a JSON value, keys of objects included."""
        match value:
            case str():
                return self.text(value)
            case dict():
                return {self.text(key): self.tree(item) for key, item in value.items()}
            case list():
                return [self.tree(item) for item in value]
            case _:
                return value

    def stands_at(self, text: str, place: int) -> int | None:
        """How many characters are to be replaced there; None for nothing, 0 where what follows the text decides."""
        start = text[place : place + _SHORTEST]
        if len(start) < _SHORTEST:
            return _UNDECIDED if start in self._starts else None
        for form in self._by_start.get(start, ()):
            if text.startswith(form, place):
                return len(form)
            if len(form) > len(text) - place and form.startswith(text[place:]):
                return _UNDECIDED
        return None


class StreamRedactor:
    """The same for a text that comes in pieces: together they are the redacted whole, however it was split.

    Only an end that may still become a value is held back, so always less than the longest form; other text goes on
    at once.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._held = ""

    def push(self, piece: str) -> str:
        """What can be shown now that `piece` has come."""
        if self._redactor.empty:
            return piece
        text = self._held + piece
        shown: list[str] = []
        at = place = 0
        while place < len(text):
            stands = self._redactor.stands_at(text, place)
            if stands is None:
                place += 1
            elif stands == _UNDECIDED:
                break
            else:
                shown += (text[at:place], BLOTTED)
                at = place = place + stands
        self._held = text[place:]
        return "".join((*shown, text[at:place]))

    def flush(self) -> str:
        """What was held back; the text is over."""
        held, self._held = self._held, ""
        return self._redactor.text(held)


def forms_of(value: str) -> set[str]:
    """How a value may come back."""
    raw = value.encode()
    percent = {quote(value, safe=""), quote(value), quote_plus(value)}
    forms = {
        value,
        *percent,
        *(_lower_escapes(form) for form in percent),
        *(quoted.replace("/", slash) for quoted in _quoted(value) for slash in ("/", "\\/")),
        escape(value),
        escape(value, quote=False),
        raw.hex(),
        raw.hex().upper(),
        value[::-1],
    }
    for offset in range(3):
        forms |= _base64_cores(raw, offset)
    return {form for form in forms if len(form) >= _SHORTEST}


def _quoted(value: str) -> set[str]:
    """As JSON writes it, and as JSON within JSON does."""
    once = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    return once | {json.dumps(text)[1:-1] for text in once}


def _lower_escapes(text: str) -> str:
    return re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), text)


def _base64_cores(raw: bytes, offset: int) -> set[str]:
    """The characters of base64 that only the value decides, where `offset` other bytes stand before it."""
    padded = bytes(offset) + raw + bytes(-(offset + len(raw)) % 3)
    first = -(-offset * 8 // _BITS)
    last = (offset + len(raw)) * 8 // _BITS
    return {encoded.decode()[first:last] for encoded in (b64encode(padded), urlsafe_b64encode(padded))}
