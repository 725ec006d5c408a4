"""What one reader of a session has seen: pure bookkeeping behind `follow_session`."""

from collections import OrderedDict
from dataclasses import dataclass, field
from uuid import UUID

from hortus_agents.events import TERMINAL_EVENTS, Event, MessageCompleted, MessageRestarted, ModelCalled
from hortus_server.ports.live import PartialMessage, TokenDelta

REMEMBERED_MESSAGES = 256


@dataclass(frozen=True, slots=True)
class _Written:
    """How much of a message the reader has, and the generation of the worker that wrote it last."""

    length: int = 0
    generation: int = 0


_NOTHING = _Written()


@dataclass(slots=True)
class SessionView:
    """The cursor, and how much of each open message the reader has; bounded, oldest forgotten first.

    Offsets and lengths count Unicode code points. Text of a worker that has lost its run is dropped; where its
    successor goes on before the end of what the reader has, a snapshot replaces that.
    """

    last_seq: int
    _written: OrderedDict[UUID, _Written] = field(default_factory=OrderedDict)
    _closed: OrderedDict[UUID, None] = field(default_factory=OrderedDict)

    def follows(self, event: Event) -> bool:
        """Whether `event` is exactly the next one."""
        return event.seq == self.last_seq + 1

    def advance(self, event: Event) -> None:
        """The reader gets `event`."""
        self.last_seq = event.seq
        match event.payload:
            case MessageCompleted(message_id=message_id) | ModelCalled(message_id=message_id):
                self._close(message_id)
            case MessageRestarted(message_id=message_id):
                self._closed.pop(message_id, None)
                self._written[message_id] = _Written(0, self._have(message_id).generation)
            case _ if event.type in TERMINAL_EVENTS:
                for message_id in list(self._written):
                    self._close(message_id)

    def is_open(self, message_id: UUID) -> bool:
        """Whether text of this message may still come."""
        return message_id not in self._closed

    def misses_text_before(self, delta: TokenDelta) -> bool:
        """Whether the reader lacks what stands before `delta`, and so needs a snapshot."""
        have = self._have(delta.message_id)
        rewritten = delta.generation > have.generation and 0 < delta.index < have.length
        lacking = delta.generation >= have.generation and delta.index > have.length
        return self.is_open(delta.message_id) and (rewritten or lacking)

    def trim(self, delta: TokenDelta) -> TokenDelta | None:
        """The part of `delta` that the reader lacks; None if there is none, or if it would leave a hole."""
        have = self._have(delta.message_id)
        if not self.is_open(delta.message_id) or delta.index > have.length or delta.generation < have.generation:
            return None
        text = delta.text[have.length - delta.index :]
        if not text:
            return None
        self._note(delta.message_id, _Written(have.length + len(text), delta.generation))
        return TokenDelta(delta.message_id, have.length, text, delta.generation)

    def adopt(self, partial: PartialMessage) -> bool:
        """Take a snapshot if it tells more than the reader has."""
        have = self._have(partial.message_id)
        replaces = partial.generation > have.generation and have.length > 0
        if not self.is_open(partial.message_id) or (len(partial.text) <= have.length and not replaces):
            return False
        self._note(partial.message_id, _Written(len(partial.text), max(partial.generation, have.generation)))
        return True

    def _have(self, message_id: UUID) -> _Written:
        return self._written.get(message_id, _NOTHING)

    def _note(self, message_id: UUID, written: _Written) -> None:
        self._written[message_id] = written
        while len(self._written) > REMEMBERED_MESSAGES:
            self._written.popitem(last=False)

    def _close(self, message_id: UUID) -> None:
        self._written.pop(message_id, None)
        self._closed[message_id] = None
        while len(self._closed) > REMEMBERED_MESSAGES:
            self._closed.popitem(last=False)
