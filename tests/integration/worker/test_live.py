"""The live channel and the queue's sending side over a real Valkey server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from fixtures_valkey import ValkeyServer
from redis.asyncio import Redis

from hortus_agents.events import Event, MessageCompleted
from hortus_server.adapters.celery.wakeups import open_wakeups
from hortus_server.adapters.celery.workers import CeleryWorkerControl
from hortus_server.adapters.redis.client import connect_redis
from hortus_server.adapters.redis.frames import channel
from hortus_server.adapters.redis.live import RedisLive, open_live
from hortus_server.adapters.redis.streams import OWN, ChannelLostError, RedisStreams, open_streams
from hortus_server.domain.errors import UnavailableError
from hortus_server.domain.ids import RunId, SessionId, TenantId, new_id
from hortus_server.ports.live import LiveItem, PartialMessage, TokenDelta

WITHIN_S = 60.0  # a busy machine
MESSAGE = uuid4()
TENANT = TenantId(uuid4())


@pytest.fixture
async def redis(own_valkey: ValkeyServer) -> AsyncIterator[Redis]:
    client = connect_redis(own_valkey.url, timeout_s=2)
    yield client
    await client.aclose()


@pytest.fixture
async def live(redis: Redis) -> AsyncIterator[RedisLive]:
    async with open_live(redis, timeout_s=2) as publisher:
        yield publisher


@pytest.fixture
async def streams(own_valkey: ValkeyServer) -> AsyncIterator[RedisStreams]:
    client = connect_redis(own_valkey.url, timeout_s=2, retries=0)
    async with open_streams(client, timeout_s=2, buffer=8) as subscriber:
        yield subscriber
    await client.aclose()


def completed(session_id: SessionId, seq: int = 1) -> Event:
    payload = MessageCompleted(message_id=MESSAGE, content="abc")
    return Event(
        session_id=session_id, seq=seq, run_id=uuid4(), step=1, type=payload.type, at=datetime.now(UTC), payload=payload
    )


async def take(items: AsyncIterator[LiveItem], count: int) -> list[LiveItem]:
    async with asyncio.timeout(WITHIN_S):
        return [await anext(items) for _ in range(count)]


async def test_another_tenant_hears_and_finds_nothing_under_the_same_id(live: RedisLive, streams: RedisStreams) -> None:
    session, stranger = SessionId(new_id()), TenantId(uuid4())
    async with streams.subscribe(stranger, session) as strange, streams.subscribe(TENANT, session) as own:
        await live.publish_delta(TENANT, session, TokenDelta(MESSAGE, 0, "secret"))
        assert len(await take(own, 1)) == 1
        await live.publish_delta(stranger, session, TokenDelta(MESSAGE, 0, "theirs"))
        (heard,) = await take(strange, 1)
    assert isinstance(heard, TokenDelta)
    assert heard.text == "theirs"
    assert await streams.partial(TENANT, session) == PartialMessage(MESSAGE, "secret", raw="secret")
    nobody = TenantId(uuid4())
    assert await streams.partial(nobody, session) is None
    assert await live.unfinished(nobody, session) is None


async def test_every_name_of_a_tenant_begins_with_it(live: RedisLive, redis: Redis) -> None:
    session = SessionId(new_id())
    await live.publish_delta(TENANT, session, TokenDelta(MESSAGE, 0, "ab"))
    async with asyncio.timeout(WITHIN_S):
        while not (names := await redis.keys(f"*{session}*")):
            await asyncio.sleep(0.01)
    assert all(name.startswith(f"hortus:tenant:{{{TENANT}}}:".encode()) for name in names)


async def test_readers_get_events_and_text_in_order_and_only_of_their_session(
    live: RedisLive, streams: RedisStreams
) -> None:
    ours, other = SessionId(new_id()), SessionId(new_id())
    async with streams.subscribe(TENANT, ours) as first, streams.subscribe(TENANT, ours) as second:
        await live.publish_delta(TENANT, other, TokenDelta(MESSAGE, 0, "not ours"))
        await live.publish_delta(TENANT, ours, TokenDelta(MESSAGE, 0, "ab"))
        await live.publish_delta(TENANT, ours, TokenDelta(MESSAGE, 2, "c"))
        event = completed(ours)
        await live.publish_events(TENANT, ours, [event])
        expected = [TokenDelta(MESSAGE, 0, "ab"), TokenDelta(MESSAGE, 2, "c"), event]
        assert await take(first, 3) == expected
        assert await take(second, 3) == expected


async def test_who_joins_in_the_middle_sees_what_was_written_so_far(live: RedisLive, streams: RedisStreams) -> None:
    session = SessionId(new_id())
    async with streams.subscribe(TENANT, session) as items:
        await live.publish_delta(TENANT, session, TokenDelta(MESSAGE, 0, "ab"))
        await live.publish_delta(TENANT, session, TokenDelta(MESSAGE, 2, "cü"))
        await take(items, 2)
        assert await streams.partial(TENANT, session) == PartialMessage(MESSAGE, "abcü", raw="abcü")
        await live.publish_delta(TENANT, session, TokenDelta(MESSAGE, 0, "anew"))
        await take(items, 1)
        assert await streams.partial(TENANT, session) == PartialMessage(MESSAGE, "anew", raw="anew")
        await live.publish_events(TENANT, session, [completed(session)])
        await take(items, 1)
        assert await streams.partial(TENANT, session) is None


async def test_a_slow_reader_loses_text_before_events(live: RedisLive, streams: RedisStreams) -> None:
    session = SessionId(new_id())
    async with streams.subscribe(TENANT, session) as slow, streams.subscribe(TENANT, session) as quick:
        for seq in range(1, 5):
            await live.publish_events(TENANT, session, [completed(session, seq)])
        for place in range(20):
            await live.publish_delta(TENANT, session, TokenDelta(MESSAGE, place, "x"))
            await take(quick, 5 if place == 0 else 1)
        kept = await take(slow, 8)
    assert [item.seq for item in kept if isinstance(item, Event)] == [1, 2, 3, 4]
    assert [item.index for item in kept if isinstance(item, TokenDelta)] == [16, 17, 18, 19]


async def test_an_outage_ends_subscriptions_and_a_new_one_works_afterwards(
    own_valkey: ValkeyServer, live: RedisLive, streams: RedisStreams
) -> None:
    session = SessionId(new_id())
    async with streams.subscribe(TENANT, session) as items:
        own_valkey.stop()
        with pytest.raises(ChannelLostError):
            await take(items, 1)
    with pytest.raises(UnavailableError):
        async with streams.subscribe(TENANT, session):
            pass
    assert await streams.partial(TENANT, session) is None
    await live.publish_delta(TENANT, session, TokenDelta(MESSAGE, 0, "lost"))
    await asyncio.sleep(0.2)
    own_valkey.start()
    async with asyncio.timeout(WITHIN_S):
        while await heard(live, streams, session) != TokenDelta(MESSAGE, 0, "back"):
            await asyncio.sleep(0.1)  # publisher and subscriber pause after their failures


async def heard(live: RedisLive, streams: RedisStreams, session: SessionId) -> LiveItem | None:
    """What comes of a text for a new reader; None while one of the two is still away."""
    with suppress(UnavailableError, TimeoutError):
        async with asyncio.timeout(1), streams.subscribe(TENANT, session) as items:
            await live.publish_delta(TENANT, session, TokenDelta(MESSAGE, 0, "back"))
            return await anext(items)
    return None


async def test_channels_are_left_with_their_last_reader(redis: Redis, streams: RedisStreams) -> None:
    session = SessionId(new_id())
    async with streams.subscribe(TENANT, session):
        async with streams.subscribe(TENANT, session):
            assert set(await redis.pubsub_channels()) == {OWN.encode(), channel(TENANT, session).encode()}
        assert set(await redis.pubsub_channels()) == {OWN.encode(), channel(TENANT, session).encode()}
    async with asyncio.timeout(WITHIN_S):
        while await redis.pubsub_channels() != [OWN.encode()]:
            await asyncio.sleep(0.01)


async def test_a_wake_up_never_raises_and_is_in_its_queue(own_valkey: ValkeyServer, redis: Redis) -> None:
    async with open_wakeups(own_valkey.url, timeout_s=5) as queue:
        await queue.wake_run(RunId(new_id()))
        assert await redis.llen("runs") == 1
        own_valkey.stop()
        async with asyncio.timeout(WITHIN_S):
            await queue.wake_run(RunId(new_id()))
        own_valkey.start()
        await queue.wake_run(RunId(new_id()))
        assert await redis.llen("runs") == 1


async def test_without_a_broker_the_workers_are_unknown_not_absent(own_valkey: ValkeyServer) -> None:
    async with open_wakeups(own_valkey.url, timeout_s=1) as queue:
        control = CeleryWorkerControl(queue.app)
        assert await control.list() == ()
        own_valkey.stop()
        with pytest.raises(UnavailableError):
            await control.list()


async def test_a_cancellation_that_meets_the_answer_is_not_lost(live: RedisLive, streams: RedisStreams) -> None:
    session = SessionId(new_id())

    async def join() -> None:
        async with streams.subscribe(TENANT, session):
            pass

    for ask in (lambda: streams.partial(TENANT, session), lambda: live.unfinished(TENANT, session), join):
        for turns in range(60):  # of the event loop, of which an answer takes some
            asked = asyncio.create_task(ask())
            for _ in range(turns):
                await asyncio.sleep(0)
            asked.cancel()
            await asyncio.wait([asked])
            assert asked.cancelled() or not asked.cancelling()
