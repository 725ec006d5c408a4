"""Joins pieces of text on their way to readers: the first at once, later ones within an interval."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from hortus_agents.events import MessageCompleted, MessageRestarted, ModelCalled, NewEvent
from hortus_agents.loop.step import Delta
from hortus_agents.tools.redaction import Redactor
from hortus_server.domain.records import Claim
from hortus_server.ports.live import LivePublisher, TokenDelta
from hortus_server.ports.observer import RunObserver
from hortus_server.services.redact_deltas import DeltaRedactor
from hortus_server.services.reveal_secrets import NOTHING

_LOOK_AGAIN_S = 0.02


@dataclass(slots=True)
class LiveText:
    """The text that a run is writing; `text` is all of message `message_id`, for a run that is cut off.

    Given at the start they are what the worker before had shown. A worker that stood still for too long shows
    nothing more (`may_show`), because another may have gone on with the message. Readers get the text without what
    `redactor` finds; `text` is what the model wrote.
    """

    live: LivePublisher
    observer: RunObserver
    claim: Claim
    interval_s: float
    text: str = ""
    message_id: UUID | None = None
    may_show: Callable[[], bool] = lambda: True
    redactor: Callable[[], Redactor] = lambda: NOTHING
    _last: Delta | None = None
    _pieces: DeltaRedactor | None = None
    _waiting: list[Delta] = field(default_factory=list)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, delta: Delta) -> None:
        """Take a piece; `pump` publishes it."""
        if delta.message_id != self.message_id or delta.index == 0:
            self.message_id = delta.message_id
            self.text = ""
            self._last = self._pieces = None
        if self._last is None and not (redactor := self.redactor()).empty:
            self._pieces = DeltaRedactor(redactor, shown=len(self.text))
        self._last = delta
        self.text += delta.text
        self._show(delta if self._pieces is None else self._pieces.push(delta))

    def before(self, events: Sequence[NewEvent]) -> None:
        """These are about to be committed; where one restarts the message, readers drop it."""
        if any(isinstance(event.payload, MessageRestarted) for event in events):
            self.text = ""
            self._last = self._pieces = None
            self._waiting.clear()
        elif self._pieces is not None and self._last is not None and any(self._ends(event) for event in events):
            self._show(self._pieces.finish(self._last))
            self._pieces = None

    def after(self, events: Sequence[NewEvent]) -> None:
        """These are committed; a message that is complete is no partial output any more."""
        if any(isinstance(event.payload, MessageCompleted) for event in events):
            self.text = ""

    def _ends(self, event: NewEvent) -> bool:
        match event.payload:
            case ModelCalled(message_id=message_id) | MessageCompleted(message_id=message_id):
                return message_id == self.message_id
            case _:
                return False

    def _show(self, delta: Delta | None) -> None:
        if delta is not None:
            self._waiting.append(delta)
            self._arrived.set()

    async def pump(self) -> None:
        """Publish for ever; run it beside the step and cancel it."""
        while True:
            await self._arrived.wait()
            if self.may_show():
                await self.flush()
                await asyncio.sleep(self.interval_s)
            else:
                await asyncio.sleep(max(self.interval_s, _LOOK_AGAIN_S))

    async def flush(self) -> None:
        """Publish what waits, joined; called before a commit, so that text never follows its own end."""
        self._arrived.clear()
        waiting, self._waiting = self._waiting, []
        if not self.may_show():
            return  # the commit that comes next is fenced, and carries the whole text
        for joined in _join(waiting, self.claim.generation):
            await self.live.publish_delta(self.claim.run.tenant_id, self.claim.run.session_id, joined)
            self.observer.delta_published(self.claim)


def _join(deltas: list[Delta], generation: int) -> list[TokenDelta]:
    joined: list[TokenDelta] = []
    for delta in deltas:
        last = joined[-1] if joined else None
        if last is not None and last.message_id == delta.message_id and delta.index == last.index + len(last.text):
            raw = None if last.raw is None or delta.raw is None else last.raw + delta.raw
            joined[-1] = TokenDelta(last.message_id, last.index, last.text + delta.text, generation, raw)
        else:
            joined.append(TokenDelta(delta.message_id, delta.index, delta.text, generation, delta.raw))
    return joined
