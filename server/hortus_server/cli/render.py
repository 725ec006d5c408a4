"""How results look: tables and colours for people, JSON for programs."""

import json
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
_UNSEEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})


def harmless(text: str) -> str:
    """Text without what a terminal would obey, or show in another order: such characters are written out."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_written_out(char) if _is_obeyed(char) else char for char in text)


def visible(text: str) -> str:
    """Text for somebody who decides by it: whatever cannot be seen is written out, as JSON would."""
    return "".join(
        _written_out(char) if unicodedata.category(char) in _UNSEEN and char not in "\n\t" else char for char in text
    )


def _is_obeyed(char: str) -> bool:
    return char in _BIDI or (unicodedata.category(char) in {"Cc", "Zl", "Zp"} and char not in "\n\t")


def _written_out(char: str) -> str:
    return json.dumps(char)[1:-1] if ord(char) != 0x7F else "\\u007f"  # noqa: PLR2004 - JSON leaves DEL as it is


class Terminal(Console):
    """A console for texts that anybody may have written."""

    def render_str(self, text: str, **options: Any) -> Text:
        """See Console; markup stays markup."""
        return super().render_str(harmless(text), **options)


out = Terminal(highlight=False)
err = Terminal(stderr=True, highlight=False)

STATUS_STYLE = {
    "succeeded": "green",
    "active": "green",
    "ready": "green",
    "ok": "green",
    "running": "cyan",
    "queued": "cyan",
    "waiting": "yellow",
    "warn": "yellow",
    "failed": "red",
    "fail": "red",
    "cancelled": "yellow",
    "budget_exhausted": "yellow",
    "disabled": "yellow",
    "rejected": "red",
    "delivered": "green",
    "pending": "cyan",
    "sending": "cyan",
    "dead": "red",
}


def print_json(value: object) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def coloured(value: str) -> str:
    """A status in its colour."""
    style = STATUS_STYLE.get(value)
    return f"[{style}]{value}[/]" if style else escape(value)


def print_table(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], *, empty: str) -> None:
    """Rows under their columns, or a sentence that says what to do when there are none."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    count = 0
    for row in rows:
        table.add_row(*(_cell(column, row.get(column)) for column in columns))
        count += 1
    if count:
        out.print(table)
    else:
        out.print(f"[dim]{escape(empty)}[/]")


def print_page(page: Mapping[str, Any], columns: Sequence[str], *, empty: str, as_json: bool) -> None:
    """A page of a list: as the server gave it, or its items as a table."""
    if as_json:
        print_json(page)
    else:
        print_table(columns, page["items"], empty=empty)


def _cell(column: str, value: object) -> str:
    if value is None:
        return "[dim]-[/]"
    if column.endswith("_at"):
        return ago(str(value))
    if column in {"status", "state"}:
        return coloured(str(value))
    if isinstance(value, list | tuple):
        return escape(", ".join(str(item) for item in value))
    return escape(str(value))


def ago(moment: str) -> str:
    """A time stamp relative to now."""
    seconds = (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if abs(seconds) >= size:
            return f"{seconds / size:.0f} {unit} ago" if seconds >= 0 else f"in {-seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s ago" if seconds >= 0 else f"in {-seconds:.0f} s"


def one_line(text: str, width: int = 100) -> str:
    """Text folded into one line, escaped for the terminal."""
    flat = " ".join(text.split())
    return escape(flat if len(flat) <= width else flat[: width - 1] + "…")
