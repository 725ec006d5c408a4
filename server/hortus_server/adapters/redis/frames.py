"""The wire form of the live channel: one byte of kind, then JSON."""

from collections.abc import Sequence
from uuid import UUID

import orjson
import structlog
from pydantic import TypeAdapter

from hortus_agents.events import Event
from hortus_server.adapters.redis.keys import tenant_key
from hortus_server.ports.live import LiveItem, PartialMessage, TokenDelta

log = structlog.get_logger()

EVENTS: TypeAdapter[tuple[Event, ...]] = TypeAdapter(tuple[Event, ...])
_EVENTS = b"e"
_DELTA = b"d"


def channel(tenant_id: UUID, session_id: UUID) -> str:
    """The channel of a tenant's session."""
    return tenant_key(tenant_id, "live", session_id)


def partial_key(tenant_id: UUID, session_id: UUID) -> str:
    """Where the pieces of a session's unfinished message are kept."""
    return tenant_key(tenant_id, "partial", session_id)


def encode_events(events: Sequence[Event]) -> bytes:
    """Several events of one commit travel together."""
    return _EVENTS + EVENTS.dump_json(tuple(events))


def encode_delta(delta: TokenDelta, *, raw: bool = False) -> bytes:
    """One piece of text, for readers, or with `raw` for whoever has to go on with it."""
    fields: list[object] = [str(delta.message_id), delta.index, delta.text, delta.generation]
    return _DELTA + orjson.dumps([*fields, delta.raw] if raw else fields)


def decode(frame: bytes) -> tuple[LiveItem, ...]:
    """What a frame carries. Raises ValueError for one that no version of this server wrote."""
    if frame[:1] == _EVENTS:
        return EVENTS.validate_json(frame[1:])
    if frame[:1] == _DELTA:
        message_id, index, text, *more = orjson.loads(frame[1:])
        generation, raw = (*more, *(0, None)[len(more) :])[:2]
        return (TokenDelta(UUID(message_id), int(index), str(text), int(generation), raw),)
    raise ValueError(f"a live frame of unknown kind {frame[:1]!r}")


def decode_or_skip(frame: bytes | str) -> tuple[LiveItem, ...]:
    """What a frame carries; nothing, and a warning, for one that cannot be read."""
    try:
        return decode(frame if isinstance(frame, bytes) else frame.encode())
    except ValueError as error:
        log.warning("live_frame_unreadable", error=str(error)[:200])
        return ()


def assemble(frames: Sequence[bytes | str]) -> PartialMessage | None:
    """The message that the last of these pieces belongs to; None when its beginning is gone.

    A worker that took over goes on at the place that it read; pieces that the one before it still sent later are
    skipped, and those that it sent in between are replaced.
    """
    deltas = [item for frame in frames for item in decode_or_skip(frame) if isinstance(item, TokenDelta)]
    message_id = deltas[-1].message_id if deltas else None
    text, raw, newest = "", "", 0
    raw_at = {0: 0}  # lengths of the raw text at the ends of pieces
    for delta in deltas:
        if delta.message_id != message_id or delta.generation < newest:
            continue
        if delta.index not in raw_at or (delta.generation == newest and delta.index != len(text)):
            return None
        newest = delta.generation
        raw = raw[: raw_at[delta.index]] + (delta.text if delta.raw is None else delta.raw)
        text = text[: delta.index] + delta.text
        raw_at[len(text)] = len(raw)
    return PartialMessage(message_id, text, newest, raw) if message_id is not None and text else None
