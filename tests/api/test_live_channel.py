"""The live channel over a real Valkey: order, a server that forgot, and half-written text until its end."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from hortus_agents.events import Event, EventPayload, MessageRestarted, RunWaiting, WaitReason
from hortus_server.adapters.redis.frames import partial_key
from hortus_server.adapters.redis.live import PARTIAL_TTL_S, WAITING_TTL_S, RedisLive
from hortus_server.adapters.redis.streams import RedisStreams
from hortus_server.ports.live import TokenDelta

TENANT = uuid4()
RESTARTED = MessageRestarted(message_id=uuid4(), reason="worker lost")
PARKED = RunWaiting(reason=WaitReason(kind="paused", detail="lunch"))


async def test_all_arrives_in_order_also_where_the_server_has_forgotten_the_script(
    live: RedisLive, streams: RedisStreams
):
    session, message = uuid4(), uuid4()
    async with streams.subscribe(TENANT, session) as items:
        await live.publish_delta(TENANT, session, TokenDelta(message, 0, "x"))
        await anext(items)
        await live.redis.script_flush()
        for index in range(1, 400):
            await live.publish_delta(TENANT, session, TokenDelta(message, index, "x"))
        async with asyncio.timeout(5):
            assert [(await anext(items)).index for _ in range(1, 400)] == list(range(1, 400))
    partial = await live.unfinished(TENANT, session)
    assert partial is not None
    assert partial.text == "x" * 400


@pytest.mark.parametrize(
    ("payload", "kept", "ttl_s"), [(RESTARTED, False, None), (PARKED, True, WAITING_TTL_S)], ids=["restart", "wait"]
)
async def test_half_written_text_is_kept_for_as_long_as_somebody_may_go_on_with_it(
    live: RedisLive, streams: RedisStreams, *, payload: EventPayload, kept: bool, ttl_s: int | None
):
    session = uuid4()
    key = partial_key(TENANT, session)
    async with streams.subscribe(TENANT, session) as items:
        await live.publish_delta(TENANT, session, TokenDelta(uuid4(), 0, "Once"))
        await anext(items)
        assert PARTIAL_TTL_S - 5 < await live.redis.ttl(key) <= PARTIAL_TTL_S
        at, kind = datetime.now(UTC), payload.type
        event = Event(session_id=session, seq=1, run_id=None, step=0, type=kind, at=at, payload=payload)
        await live.publish_events(TENANT, session, [event])
        await anext(items)
    assert bool(await live.redis.exists(key)) is kept
    if ttl_s is not None:
        assert ttl_s - 5 < await live.redis.ttl(key) <= ttl_s


async def test_who_listens_first_after_a_silence_takes_the_channel_from_nobody(streams: RedisStreams):
    async with asyncio.timeout(5):
        while streams._pubsub is None:
            await asyncio.sleep(0.01)
    assert streams._pubsub.connection is not None
    streams._pubsub.connection.next_health_check = 0  # as after fifteen seconds without an answer of the server
    for _ in range(2):
        async with streams.subscribe(TENANT, uuid4()):
            pass
