"""Shows a JSON string while it is still being written."""

import json
import re
from typing import Final, Literal

# Characters and escapes that are complete, so that cutting behind them never splits one. A surrogate pair counts as
# one; a lone surrogate matches nothing, which silences the reader rather than emit text that no encoder accepts.
_COMPLETE: Final = re.compile(
    r'(?:[^"\\]+|\\(?:["\\/bfnrt]'
    r"|u(?![dD][89abAB])(?![dD][c-fC-F])[0-9a-fA-F]{4}"
    r"|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}))*"
)
_SKIPPED: Final = re.compile(r'(?:[^"\\]+|\\.)*', re.DOTALL)
_STRUCTURE: Final = re.compile(r"[^\"{}\[\]:,]*")

_State = Literal["outside", "string", "property", "done"]


class PropertyReader:
    """Extracts the growing string of one top-level property from a JSON object that arrives in pieces.

    Every piece is looked at once, so the cost is linear in the text, unlike a repeated parse of all that arrived.
    Nothing is validated: whoever parses the finished object does that; malformed input only means that no more text
    is emitted. A property whose value is not a string emits nothing.
    """

    __slots__ = ("_depth", "_fed", "_key", "_name", "_pending", "_state", "_string", "_value_next", "consumed")

    def __init__(self, name: str) -> None:
        self._name = name
        self._fed = 0
        self.consumed = 0
        """Characters of the input up to the end of what was shown: between two characters of the property's string."""
        self._pending = ""
        self._state: _State = "outside"
        self._depth = 0
        self._string: list[str] = []  # raw parts of the string being read at depth 1: a key, perhaps
        self._key: str | None = None
        self._value_next = False

    @property
    def done(self) -> bool:
        """Whether the property's string has ended."""
        return self._state == "done"

    def feed(self, chunk: str) -> str:
        """The text that `chunk` adds to the property, unescaped; often empty."""
        self._pending += chunk
        self._fed += len(chunk)
        while self._pending and self._state not in {"property", "done"}:
            advanced = self._read_string() if self._state == "string" else self._read_structure()
            if not advanced:
                return ""
        return self._read_property() if self._state == "property" else ""

    def _read_structure(self) -> bool:
        """Consume up to and including one structural character; False when more input is needed."""
        start = _STRUCTURE.match(self._pending)
        skipped = start.end() if start else 0
        if self._value_next and self._pending[:skipped].strip():
            self._value_next = False  # a number, true, false or null
        if skipped == len(self._pending):
            self._pending = ""
            return False
        mark = self._pending[skipped]
        self._pending = self._pending[skipped + 1 :]
        if mark == '"':
            self._state = "property" if self._value_next else "string"
            self._string.clear()
        elif mark == ":":
            self._value_next = self._depth == 1 and self._key == self._name
        else:
            self._value_next = False
            self._depth += (mark in "{[") - (mark in "}]")
        return True

    def _read_string(self) -> bool:
        """Consume a string that is not the property; False when more input is needed."""
        match = _SKIPPED.match(self._pending)
        end = match.end() if match else 0
        if self._depth == 1:
            self._string.append(self._pending[:end])
        closed = self._pending[end : end + 1] == '"'
        self._pending = self._pending[end + closed :]
        if closed:
            self._state = "outside"
            self._key = _unescaped("".join(self._string)) if self._depth == 1 else None
        return closed

    def _read_property(self) -> str:
        match = _COMPLETE.match(self._pending)
        end = match.end() if match else 0
        raw = self._pending[:end]
        self.consumed = self._fed - len(self._pending) + end
        if self._pending[end : end + 1] == '"':
            self._state = "done"
            self._pending = ""
        else:
            self._pending = self._pending[end:]
        return _unescaped(raw) if raw else ""


def _unescaped(raw: str) -> str:
    """The string whose JSON notation, without quotes, is `raw`; control characters are let through."""
    if "\\" not in raw:
        return raw
    try:
        return str(json.loads(f'"{raw}"', strict=False))
    except ValueError:
        return ""
