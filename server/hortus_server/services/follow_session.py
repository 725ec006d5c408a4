"""One reader's stream of a session: the durable log merged with what is live.

Subscribe to the live channel first, then read the log from the cursor, then follow. The log alone decides what an
event is and in which order; the live channel only makes it fast and carries text that is still being written. So a
lost, doubled or reordered message, a dead broker or a full buffer costs time, never an event: a number that is not
the next one sends the reader back to the log, and so does silence.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import structlog

from hortus_agents.events import Event
from hortus_server.domain.errors import HortusError, UnavailableError
from hortus_server.domain.ids import SessionId, TenantId
from hortus_server.ports.live import LiveItem, LiveSubscriber, PartialMessage, TokenDelta
from hortus_server.ports.retention import Gap
from hortus_server.ports.store import Store
from hortus_server.services.read_events import check_cursor, missing_between
from hortus_server.services.read_heads import ReadHeads
from hortus_server.services.session_view import SessionView
from hortus_server.services.stop_task import stop_task

log = structlog.get_logger()

SUBSCRIBE_WAIT_S = 1.0  # for the live channel before the log is read; later it joins by itself
RESUBSCRIBE_S = 0.5
PARTIAL_WAIT_S = 1.0
SILENT_POLL_S = 0.25  # how often the log is read while there is no live channel
LONGEST_POLL_S = 5.0


class Idle:
    """Nothing came for a while; a moment for heartbeats."""


IDLE = Idle()
StreamItem = Event | TokenDelta | PartialMessage | Gap | Idle


@dataclass(slots=True)
class _Inbox:
    """Live items on their way to one reader; when it is full the oldest go, and the log makes up for them."""

    items: deque[LiveItem]
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    connected: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, timeout_s: float) -> list[LiveItem]:
        """All that arrived, at once; an empty list after silence or a new subscription: then the log is due."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self.arrived.wait()
        self.arrived.clear()
        taken = list(self.items)
        self.items.clear()
        return taken

    def put(self, item: LiveItem) -> None:
        self.items.append(item)
        self.arrived.set()


@dataclass(frozen=True, slots=True)
class FollowSession:
    """Streams of sessions; one instance serves all readers of a process.

    `buffer` bounds the live items that wait for one reader, `page` the events of one read of the log. `poll_s` is the
    first interval of the safety poll, which doubles up to `longest_poll_s` while nothing comes; readers that poll at
    about the same time share one look by `heads`.
    """

    store: Store
    streams: LiveSubscriber
    heads: ReadHeads
    buffer: int = 1024
    page: int = 200
    poll_s: float = 1.0
    longest_poll_s: float = LONGEST_POLL_S

    @contextlib.asynccontextmanager
    async def __call__(
        self, tenant_id: TenantId, session_id: SessionId, *, after: int
    ) -> AsyncIterator[AsyncIterator[StreamItem]]:
        """Every event above `after` exactly once and in order, text in between, without an end.

        Raises NotFoundError (also later, when the session is deleted) and InvalidCursorError.
        """
        async with self.store.transaction(tenant_id) as uow:
            session = await uow.sessions.get(tenant_id, session_id)
        check_cursor(after, last_seq=session.last_seq)
        inbox = _Inbox(deque(maxlen=self.buffer))
        pump = asyncio.create_task(self._pump(tenant_id, session_id, inbox))
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SUBSCRIBE_WAIT_S):
                    await inbox.connected.wait()
            reader = _Reader(self, tenant_id, session_id, SessionView(after), session.last_seq)
            yield reader.items(inbox)
        finally:
            await stop_task(pump)

    async def _pump(self, tenant_id: TenantId, session_id: SessionId, inbox: _Inbox) -> None:
        while True:
            try:
                async with self.streams.subscribe(tenant_id, session_id) as items:
                    inbox.connected.set()
                    inbox.arrived.set()  # what was published before this subscription is in the log
                    async for item in items:
                        inbox.put(item)
            except Exception as error:  # noqa: BLE001 - task boundary: the log goes on without the live channel
                log.warning("live_channel_lost", session_id=str(session_id), error=str(error))
            inbox.connected.clear()
            await asyncio.sleep(RESUBSCRIBE_S)


@dataclass(slots=True)
class _Reader:
    follow: FollowSession
    tenant_id: TenantId
    session_id: SessionId
    view: SessionView
    head: int
    snapshot_due_at: float = 0.0

    async def items(self, inbox: _Inbox) -> AsyncIterator[StreamItem]:
        async for event in self._log():
            yield event
        for partial in await self._snapshot():
            yield partial
        poll_s = self.follow.poll_s
        while True:
            live = await inbox.take(poll_s if inbox.connected.is_set() else min(poll_s, SILENT_POLL_S))
            moved = False
            if not live:
                async for event in self._poll():
                    moved = True
                    yield event
            for item in live:
                async for out in self._follow(item):
                    moved = True
                    yield out
            poll_s = self.follow.poll_s if moved or live else min(poll_s * 2, self.follow.longest_poll_s)
            if not moved:
                yield IDLE

    async def _follow(self, item: LiveItem) -> AsyncIterator[StreamItem]:
        if isinstance(item, TokenDelta):
            if self.view.misses_text_before(item):
                for partial in await self._snapshot():
                    yield partial
            fitting = self.view.trim(item)
            if fitting is not None:
                yield fitting
        elif self.view.follows(item):
            self.view.advance(item)
            yield item
        elif item.seq > self.view.last_seq:
            async for event in self._catch_up(item.seq):
                yield event

    async def _poll(self) -> AsyncIterator[Event | Gap]:
        """The log's news; a database that is away for a moment does not end the stream."""
        try:
            head = await self.follow.heads(self.tenant_id, self.session_id)
        except UnavailableError as error:
            log.warning("log_unreadable", session_id=str(self.session_id), error=str(error))
            return
        async for event in self._catch_up(head):
            yield event

    async def _catch_up(self, head: int) -> AsyncIterator[Event | Gap]:
        self.head = max(self.head, head)
        if self.head <= self.view.last_seq:
            return
        try:
            async for event in self._log():
                yield event
        except UnavailableError as error:
            log.warning("log_unreadable", session_id=str(self.session_id), error=str(error))

    async def _log(self) -> AsyncIterator[Event | Gap]:
        """What the log holds above the cursor; it was known to reach `head` before this is asked."""
        full = True
        while full:
            after = self.view.last_seq
            async with self.follow.store.transaction(self.tenant_id) as uow:
                events = await uow.events.list_after(
                    self.tenant_id, self.session_id, after=after, limit=self.follow.page
                )
                full = len(events) == self.follow.page
                last = events[-1].seq if events else after
                reached = last if full else max(last, self.head)
                # A number may be missing because its event is gone, or because this version does not know its type.
                gaps = await missing_between(
                    uow, self.tenant_id, self.session_id, events=events, after=after, up_to=reached
                )
            found: list[Event | Gap] = [*gaps, *events]
            for item in sorted(found, key=_place):
                if isinstance(item, Gap):
                    self.view.last_seq = item.last
                else:
                    self.view.advance(item)
                yield item
            self.view.last_seq = reached

    async def _snapshot(self) -> list[PartialMessage]:
        now = asyncio.get_running_loop().time()
        if now < self.snapshot_due_at:
            return []
        self.snapshot_due_at = now + SILENT_POLL_S
        try:
            async with asyncio.timeout(PARTIAL_WAIT_S):
                partial = await self.follow.streams.partial(self.tenant_id, self.session_id)
        except (TimeoutError, HortusError) as error:
            log.warning("partial_unreadable", session_id=str(self.session_id), error=str(error))
            return []
        return [partial] if partial is not None and self.view.adopt(partial) else []


def _place(item: Event | Gap) -> int:
    return item.first if isinstance(item, Gap) else item.seq
