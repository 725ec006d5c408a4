"""What one reader of a session has seen: pure bookkeeping behind `follow_session`."""

from collections import OrderedDict
from dataclasses import dataclass, field
from uuid import UUID

from hortus_agents.events import TERMINAL_EVENTS, Event, MessageCompleted, MessageRestarted, ModelCalled
from hortus_server.ports.live import PartialMessage, TokenDelta

REMEMBERED_MESSAGES = 256


@dataclass(slots=True)
class SessionView:
    """The cursor, and how much of each open message the reader has; bounded, oldest forgotten first.

    Offsets and lengths count Unicode code points.
    """

    last_seq: int
    _written: OrderedDict[UUID, int] = field(default_factory=OrderedDict)
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
                self._written[message_id] = 0
            case _ if event.type in TERMINAL_EVENTS:
                for message_id in list(self._written):
                    self._close(message_id)

    def is_open(self, message_id: UUID) -> bool:
        """Whether text of this message may still come."""
        return message_id not in self._closed

    def misses_text_before(self, delta: TokenDelta) -> bool:
        """Whether the reader lacks what stands before `delta`, and so needs a snapshot."""
        return self.is_open(delta.message_id) and delta.index > self._written.get(delta.message_id, 0)

    def trim(self, delta: TokenDelta) -> TokenDelta | None:
        """The part of `delta` that the reader lacks; None if there is none, or if it would leave a hole."""
        have = self._written.get(delta.message_id, 0)
        if not self.is_open(delta.message_id) or delta.index > have:
            return None
        text = delta.text[have - delta.index :]
        if not text:
            return None
        self._note(delta.message_id, have + len(text))
        return TokenDelta(delta.message_id, have, text)

    def adopt(self, partial: PartialMessage) -> bool:
        """Take a snapshot if it tells more than the reader has."""
        if not self.is_open(partial.message_id) or len(partial.text) <= self._written.get(partial.message_id, 0):
            return False
        self._note(partial.message_id, len(partial.text))
        return True

    def _note(self, message_id: UUID, length: int) -> None:
        self._written[message_id] = length
        while len(self._written) > REMEMBERED_MESSAGES:
            self._written.popitem(last=False)

    def _close(self, message_id: UUID) -> None:
        self._written.pop(message_id, None)
        self._closed[message_id] = None
        while len(self._closed) > REMEMBERED_MESSAGES:
            self._closed.popitem(last=False)
