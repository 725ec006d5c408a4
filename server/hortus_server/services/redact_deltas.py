"""Blots secrets out of a message while it is being written."""

from dataclasses import replace

from hortus_agents.loop.step import Delta
from hortus_agents.tools.redaction import Redactor, StreamRedactor


class DeltaRedactor:
    """One message's pieces on their way to readers; `shown` characters of it they have already.

    What the model wrote for a piece is redacted by itself. Where the two do not match afterwards, nobody can go on with
    the message behind a lost worker, and it is written anew.
    """

    def __init__(self, redactor: Redactor, *, shown: int) -> None:
        self._text = StreamRedactor(redactor)
        self._raw = StreamRedactor(redactor)
        self._raw_waiting: str | None = None
        self._shown = shown

    def push(self, delta: Delta) -> Delta | None:
        """What readers get now; its place is that among what they were shown."""
        if delta.raw is not None:
            self._raw_waiting = (self._raw_waiting or "") + self._raw.push(delta.raw)
        return self._piece(delta, self._text.push(delta.text))

    def finish(self, delta: Delta) -> Delta | None:
        """What was held back until the message's end; `delta` is any of its pieces."""
        if self._raw_waiting is not None:
            self._raw_waiting += self._raw.flush()
        return self._piece(delta, self._text.flush())

    def _piece(self, delta: Delta, text: str) -> Delta | None:
        if not text:
            return None
        piece = replace(delta, index=self._shown, text=text, raw=self._raw_waiting)
        self._shown += len(text)
        self._raw_waiting = None if self._raw_waiting is None else ""
        return piece
