"""Blots secrets out of texts, however a server wrote them back."""

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


class Redactor:
    """Replaces values and their usual encodings: URL, JSON, HTML, hex, and base64 wherever they begin in it."""

    def __init__(self, values: Iterable[str]) -> None:
        forms = {form for value in values for form in forms_of(value)}
        # The longest first: a form that holds another one goes as a whole.
        ordered = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def text(self, text: str) -> str:
        """The text without them."""
        return text if self._pattern is None else self._pattern.sub(BLOTTED, text)

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

    def finds(self, text: str) -> bool:
        """Whether anything would be replaced."""
        return self._pattern is not None and self._pattern.search(text) is not None


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
