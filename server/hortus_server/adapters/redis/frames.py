"""The wire form of the live channel: one byte of kind, then JSON."""

from collections.abc import Sequence
from uuid import UUID

import orjson
from pydantic import TypeAdapter

from hortus_agents.events import Event
from hortus_server.ports.live import LiveItem, TokenDelta

EVENTS: TypeAdapter[tuple[Event, ...]] = TypeAdapter(tuple[Event, ...])
_EVENTS = b"e"
_DELTA = b"d"


def channel(session_id: UUID) -> str:
    """The channel of a session."""
    return f"hortus:live:{session_id}"


def partial_key(session_id: UUID) -> str:
    """Where the pieces of a session's unfinished message are kept."""
    return f"hortus:partial:{session_id}"


def encode_events(events: Sequence[Event]) -> bytes:
    """Several events of one commit travel together."""
    return _EVENTS + EVENTS.dump_json(tuple(events))


def encode_delta(delta: TokenDelta) -> bytes:
    """One piece of text."""
    return _DELTA + orjson.dumps([str(delta.message_id), delta.index, delta.text])


def decode(frame: bytes) -> tuple[LiveItem, ...]:
    """What a frame carries. Raises ValueError for one that no version of this server wrote."""
    if frame[:1] == _EVENTS:
        return EVENTS.validate_json(frame[1:])
    if frame[:1] == _DELTA:
        message_id, index, text = orjson.loads(frame[1:])
        return (TokenDelta(UUID(message_id), int(index), str(text)),)
    raise ValueError(f"a live frame of unknown kind {frame[:1]!r}")
