"""The reading side of the live channel: one connection per process, shared by all its readers."""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from hortus_server.adapters.redis.client import notice_cancellation
from hortus_server.adapters.redis.frames import assemble, channel, decode_or_skip, partial_key
from hortus_server.domain.errors import UnavailableError
from hortus_server.domain.ids import SessionId, TenantId
from hortus_server.ports.live import LiveItem, PartialMessage, TokenDelta
from hortus_server.services.stop_task import stop_task

log = structlog.get_logger()

# Heard from the start and never spoken on: before a connection's first channel the client would look whether the server
# answers by reading that answer itself, beside the task that reads here.
OWN = "live:own"
POLL_S = 5.0  # seconds that one wait for a message takes; nothing depends on it
FIRST_BACKOFF_S = 0.1
MAX_BACKOFF_S = 5.0


class ChannelLostError(UnavailableError):
    """The live channel broke; what was published meanwhile is only in the log."""


@dataclass(slots=True, eq=False)
class _Reader:
    """A bounded buffer; when it is full the oldest delta goes, and without any delta the oldest event."""

    limit: int
    items: deque[LiveItem] = field(default_factory=deque)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    lost: bool = False

    def put(self, item: LiveItem) -> None:
        if len(self.items) >= self.limit:
            self._drop_one()
        self.items.append(item)
        self.arrived.set()

    def _drop_one(self) -> None:
        for place, item in enumerate(self.items):
            if isinstance(item, TokenDelta):
                del self.items[place]
                return
        self.items.popleft()

    def lose(self) -> None:
        self.lost = True
        self.arrived.set()

    async def read(self) -> AsyncIterator[LiveItem]:
        while True:
            while self.items:
                yield self.items.popleft()
            if self.lost:
                raise ChannelLostError("broker", "the live channel broke")
            self.arrived.clear()
            await self.arrived.wait()


@dataclass(slots=True, eq=False)
class _Channel:
    readers: set[_Reader] = field(default_factory=set)
    subscribed: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class RedisStreams:
    """Implements LiveSubscriber. Use `open_streams`; one per process.

    `redis` must not retry by itself: it would reconnect behind our back and hide what was missed.

    A broken connection ends every subscription with ChannelLostError, since nobody can tell what was missed; readers
    subscribe anew and look into the log.
    """

    redis: Redis
    timeout_s: float
    buffer: int
    _pubsub: PubSub | None = None
    _connected: asyncio.Event = field(default_factory=asyncio.Event)
    _channels: dict[str, _Channel] = field(default_factory=lambda: defaultdict(_Channel))
    _changing: asyncio.Lock = field(default_factory=asyncio.Lock)  # protects the order of commands on the connection

    @asynccontextmanager
    async def subscribe(self, tenant_id: TenantId, session_id: SessionId) -> AsyncIterator[AsyncIterator[LiveItem]]:
        """See LiveSubscriber. Confirmed by the server before the block begins. Raises UnavailableError."""
        name = channel(tenant_id, session_id)
        reader = _Reader(self.buffer)
        try:
            await self._join_in_time(name, reader)
            yield reader.read()
        finally:
            await self._part(name, reader)

    async def _join_in_time(self, name: str, reader: _Reader) -> None:
        try:
            async with asyncio.timeout(self.timeout_s):
                await self._join(name, reader)
        except (RedisError, OSError, TimeoutError) as error:
            raise UnavailableError("broker", str(error) or "no answer") from error
        notice_cancellation()

    async def partial(self, tenant_id: TenantId, session_id: SessionId) -> PartialMessage | None:
        """See LiveSubscriber. None as well when Redis does not answer, or when the beginning is gone."""
        try:
            async with asyncio.timeout(self.timeout_s):
                frames = await self.redis.lrange(partial_key(tenant_id, session_id), 0, -1)
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("partial_unavailable", error=str(error) or type(error).__name__)
            return None
        notice_cancellation()
        return assemble(frames)

    async def read_forever(self) -> None:
        """Hand out what arrives; `open_streams` runs this."""
        backoff_s = FIRST_BACKOFF_S
        while True:
            pubsub = self.redis.pubsub()
            try:
                await pubsub.connect()  # type: ignore[no-untyped-call]
                await pubsub.subscribe(OWN)
                self._pubsub = pubsub
                self._connected.set()
                backoff_s = FIRST_BACKOFF_S
                await self._read(pubsub)
            except Exception as error:  # noqa: BLE001 - without this task no reader hears anything any more
                log.warning("live_connection_lost", error=str(error) or type(error).__name__)
            finally:
                await self._drop_connection(pubsub)
            await asyncio.sleep(backoff_s)
            backoff_s = min(backoff_s * 2, MAX_BACKOFF_S)

    async def _read(self, pubsub: PubSub) -> None:
        while True:
            message = await pubsub.get_message(timeout=POLL_S)
            if message is not None:
                self._hand_out(message)

    def _hand_out(self, message: dict[str, object]) -> None:
        name = message["channel"].decode() if isinstance(message["channel"], bytes) else ""
        known = self._channels.get(name)
        if known is None:
            return
        if message["type"] == "subscribe":
            known.subscribed.set()
        elif message["type"] == "message" and isinstance(message["data"], bytes):
            for item in decode_or_skip(message["data"]):
                for reader in known.readers:
                    reader.put(item)

    async def _join(self, name: str, reader: _Reader) -> None:
        await self._connected.wait()
        async with self._changing:
            known = self._channels[name]
            known.readers.add(reader)
            if len(known.readers) == 1:
                if self._pubsub is None:
                    raise ConnectionError("not connected to the broker")
                await self._pubsub.subscribe(name)
        await known.subscribed.wait()
        if reader.lost:
            raise ConnectionError("the connection to the broker was lost")

    async def _part(self, name: str, reader: _Reader) -> None:
        async with self._changing:
            known = self._channels.get(name)
            if known is None or reader not in known.readers:
                return
            known.readers.discard(reader)
            if known.readers:
                return
            del self._channels[name]
            try:
                if self._pubsub is not None:
                    async with asyncio.timeout(self.timeout_s):
                        await self._pubsub.unsubscribe(name)
            except (RedisError, OSError, TimeoutError) as error:
                log.debug("unsubscribe_failed", error=str(error))  # the connection is gone, and its channels with it
        notice_cancellation()

    async def _drop_connection(self, pubsub: PubSub) -> None:
        self._pubsub = None
        self._connected.clear()
        channels, self._channels = self._channels, defaultdict(_Channel)
        for known in channels.values():
            for reader in known.readers:
                reader.lose()
            known.subscribed.set()
        await pubsub.aclose()  # type: ignore[no-untyped-call]


@asynccontextmanager
async def open_streams(redis: Redis, *, timeout_s: float, buffer: int) -> AsyncIterator[RedisStreams]:
    """A subscriber and its reading task."""
    streams = RedisStreams(redis, timeout_s, buffer)
    task = asyncio.create_task(streams.read_forever())
    try:
        yield streams
    finally:
        await stop_task(task)
