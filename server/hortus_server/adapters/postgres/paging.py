"""Keyset paging: a cursor says where a page ended, so the next one costs the same wherever it begins.

Ids are UUIDv7 and their order is the order of creation, except for memories and tools: those ids are derived from
what they stand for, and their lists go by (created_at, id).
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import UUID

from hortus_server.domain.errors import InvalidCursorError
from hortus_server.domain.records import Page

T = TypeVar("T")

# Above every id and time: an absent cursor needs no statement, and no plan, of its own.
_NEWEST_ID = UUID(int=(1 << 128) - 1)
_NEWEST_SEQ = (1 << 63) - 1
_NEWEST_AT = datetime(9999, 12, 31, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
SEARCHED = 5_000  # rows that one search by words looks through, the newest first
_ID_BYTES = 16
_AT_BYTES = 8


def patterns(words: str) -> list[str]:
    """What ILIKE ALL matches: every word somewhere, none of them a pattern of its own."""
    escaped = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return [f"%{word}%" for word in escaped.split()]


def encode_id(last: UUID) -> str:
    """22 characters, safe in a URL, meaningless to clients."""
    return urlsafe_b64encode(last.bytes).rstrip(b"=").decode()


def decode_id(cursor: str | None) -> UUID:
    """The id before which a page begins. Raises InvalidCursorError."""
    if cursor is None:
        return _NEWEST_ID
    return UUID(bytes=_decode(cursor, _ID_BYTES))


def encode_timed(last_at: datetime, last: UUID) -> str:
    """32 characters, safe in a URL, meaningless to clients."""
    micros = (last_at - _EPOCH) // _MICROSECOND
    return urlsafe_b64encode(micros.to_bytes(_AT_BYTES, "big", signed=True) + last.bytes).rstrip(b"=").decode()


def decode_timed(cursor: str | None) -> tuple[datetime, UUID]:
    """The (created_at, id) before which a page begins. Raises InvalidCursorError."""
    if cursor is None:
        return _NEWEST_AT, _NEWEST_ID
    raw = _decode(cursor, _AT_BYTES + _ID_BYTES)
    try:
        at = _EPOCH + int.from_bytes(raw[:_AT_BYTES], "big", signed=True) * _MICROSECOND
    except OverflowError as error:
        raise InvalidCursorError("this cursor was not issued by this server") from error
    return at, UUID(bytes=raw[_AT_BYTES:])


def encode_seq(last: int) -> str:
    """11 characters, safe in a URL, meaningless to clients."""
    return urlsafe_b64encode(last.to_bytes(_AT_BYTES, "big")).rstrip(b"=").decode()


def decode_seq(cursor: str | None) -> int:
    """The number before which a page begins. Raises InvalidCursorError."""
    return _NEWEST_SEQ if cursor is None else min(int.from_bytes(_decode(cursor, _AT_BYTES), "big"), _NEWEST_SEQ)


def to_page(rows: Sequence[T], limit: int, cursor: Callable[[T], str]) -> Page[T]:
    """A page of at most `limit` from up to `limit + 1` rows; the extra row only tells that there is more."""
    items = tuple(rows[:limit])
    return Page(items=items, next_cursor=cursor(items[-1]) if len(rows) > limit else None)


def _decode(cursor: str, size: int) -> bytes:
    try:
        raw = urlsafe_b64decode(cursor.encode("ascii") + b"==")
    except ValueError as error:
        raise InvalidCursorError("this cursor was not issued by this server") from error
    if len(raw) != size or urlsafe_b64encode(raw).rstrip(b"=").decode() != cursor:
        raise InvalidCursorError("this cursor was not issued by this server")
    return raw
