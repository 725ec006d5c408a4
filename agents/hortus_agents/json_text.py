"""JSON that models and their code write, read so that a call gets exactly what the log keeps of it."""

from typing import Any, Final

import orjson

DEEPEST: Final = 64  # levels; a log's entry holds a few more around them
_EXACT: Final = 2**63


def read_json(text: str | bytes) -> Any:
    """The value of a JSON text, as a log gives it back: whole numbers beyond 64 bits are the nearest double.

    Raises:
        ValueError: It is no JSON, has NaN, a number beyond a double or half of a surrogate pair, or is too deep.
    """
    return _kept(orjson.loads(text), DEEPEST)


def storable(value: Any) -> Any:
    """A value that code gave back, as a database holds it; what that cannot hold becomes a text about it."""
    try:
        return read_json(orjson.dumps(within_reach(value)))
    except (ValueError, TypeError, RecursionError):
        return "(a value that cannot be stored)"


def written_json(value: Any) -> bytes:
    """A JSON value as text, as a database holds it and an answer tells it: see `within_reach`."""
    try:
        return orjson.dumps(value)
    except TypeError:  # seldom, and then mostly for a whole number beyond 64 bits
        return orjson.dumps(within_reach(value))


def within_reach(value: Any) -> Any:
    """A JSON value with whole numbers that orjson writes: beyond 64 bits the nearest double."""
    match value:
        case dict():
            return {key: within_reach(item) for key, item in value.items()}
        case list():
            return [within_reach(item) for item in value]
        case int() if not isinstance(value, bool) and not -_EXACT <= value < _EXACT:
            try:
                return float(value)
            except OverflowError:
                return f"a number of {value.bit_length()} bits"
        case _:
            return value


def without_nul(text: str) -> str:
    """The text as a database holds it."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _kept(value: Any, levels: int) -> Any:
    match value:
        case str():
            return without_nul(value)
        case dict() | list() if levels <= 0:
            raise ValueError(f"nested deeper than {DEEPEST} levels")
        case dict():
            return {_kept(key, levels): _kept(item, levels - 1) for key, item in value.items()}
        case list():
            return [_kept(item, levels - 1) for item in value]
        case _:
            return value
