"""The publishing side of the live channel, over Redis or Valkey."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog
from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError

from hortus_agents.events import TERMINAL_EVENTS, Event
from hortus_server.adapters.redis.client import notice_cancellation
from hortus_server.adapters.redis.frames import assemble, channel, encode_delta, encode_events, partial_key
from hortus_server.domain.ids import SessionId, TenantId
from hortus_server.ports.live import PartialMessage, TokenDelta
from hortus_server.services.stop_task import stop_task

log = structlog.get_logger()

BUFFER = 10_000  # items that wait for Redis; the oldest are dropped, readers find events in the log
BATCH = 200  # items per round trip
PARTIAL_TTL_S = 900
WAITING_TTL_S = 7 * 86_400  # a run that waits may go on with its half-written answer
RETRY_S = 0.5
GATHER_S = 0.004  # after a round trip, so that a busy process sends many items with the next; an idle one never waits
REPORT_EVERY_S = 10.0
_END_OF_TEXT = TERMINAL_EVENTS | {"message.completed", "message.restarted", "model.called"}
# A batch is one command with one answer: a command for each step costs this process several times as much.
# Items in order, each: where the unfinished message is kept, whether that is dropped first, the piece to keep, for how
# many seconds from now (0: as before), channel, frame.
_SCRIPT = """
for place = 1, #ARGV, 6 do
  local kept, drop, piece, ttl_s, channel, frame = unpack(ARGV, place, place + 5)
  if drop == '1' then redis.call('DEL', kept) end
  if piece ~= '' then redis.call('RPUSH', kept, piece) end
  if ttl_s ~= '0' then redis.call('EXPIRE', kept, ttl_s) end
  redis.call('PUBLISH', channel, frame)
end
"""


@dataclass(frozen=True, slots=True)
class _Item:
    tenant_id: TenantId
    session_id: SessionId
    events: tuple[Event, ...] = ()
    delta: TokenDelta | None = None


@dataclass(slots=True)
class RedisLive:
    """Implements LivePublisher. Publishing only queues; one task sends in batches and in order. Use `open_live`."""

    redis: Redis
    timeout_s: float
    _items: deque[_Item] = field(default_factory=lambda: deque(maxlen=BUFFER))
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _lost: int = 0
    _reported_at: float = float("-inf")
    _script: AsyncScript = field(init=False)

    def __post_init__(self) -> None:
        self._script = self.redis.register_script(_SCRIPT)

    async def publish_events(self, tenant_id: TenantId, session_id: SessionId, events: Sequence[Event]) -> None:
        """See LivePublisher."""
        if events:
            self._put(_Item(tenant_id, session_id, events=tuple(events)))

    async def publish_delta(self, tenant_id: TenantId, session_id: SessionId, delta: TokenDelta) -> None:
        """See LivePublisher."""
        self._put(_Item(tenant_id, session_id, delta=delta))

    async def unfinished(self, tenant_id: TenantId, session_id: SessionId) -> PartialMessage | None:
        """See LivePublisher."""
        try:
            async with asyncio.timeout(self.timeout_s):
                frames = await self.redis.lrange(partial_key(tenant_id, session_id), 0, -1)
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("unfinished_unknown", error=str(error) or type(error).__name__)
            return None
        notice_cancellation()
        return assemble(frames)

    def _put(self, item: _Item) -> None:
        if len(self._items) == BUFFER:
            self._report(1, "the buffer is full")
        self._items.append(item)
        self._arrived.set()

    async def send_forever(self) -> None:
        """Send what was published; `open_live` runs this."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._items:
                await self._send([self._items.popleft() for _ in range(min(BATCH, len(self._items)))])
            await asyncio.sleep(GATHER_S)

    async def drain(self) -> None:
        """Send what is left, within the timeout."""
        while self._items:
            await self._send([self._items.popleft() for _ in range(min(BATCH, len(self._items)))], pause_s=0.0)

    async def _send(self, batch: list[_Item], *, pause_s: float = RETRY_S) -> None:
        try:
            async with asyncio.timeout(self.timeout_s):
                await self._script(args=[argument for item in batch for argument in _arguments(item)])
        except (RedisError, OSError, TimeoutError) as error:
            self._report(len(batch), str(error) or type(error).__name__)
            await asyncio.sleep(pause_s)

    def _report(self, lost: int, why: str) -> None:
        self._lost += lost
        now = time.monotonic()
        if now - self._reported_at >= REPORT_EVERY_S:
            log.warning("live_items_dropped", count=self._lost, why=why)
            self._reported_at = now
            self._lost = 0


def _arguments(item: _Item) -> tuple[str | bytes | int, ...]:
    """What the script does with one item; pieces of the unfinished message are for readers who join in the middle."""
    kept, heard = partial_key(item.tenant_id, item.session_id), channel(item.tenant_id, item.session_id)
    delta = item.delta
    if delta is not None:
        piece = encode_delta(delta, raw=True)
        return kept, int(delta.index == 0), piece, PARTIAL_TTL_S, heard, encode_delta(delta)
    ends = any(event.type in _END_OF_TEXT for event in item.events)
    waits = not ends and any(event.type == "run.waiting" for event in item.events)
    return kept, int(ends), b"", WAITING_TTL_S if waits else 0, heard, encode_events(item.events)


@asynccontextmanager
async def open_live(redis: Redis, *, timeout_s: float) -> AsyncIterator[RedisLive]:
    """A publisher and its sending task."""
    live = RedisLive(redis, timeout_s)
    sender = asyncio.create_task(live.send_forever())
    try:
        yield live
    finally:
        await stop_task(sender)
        await live.drain()
