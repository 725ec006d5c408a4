"""Streams: each event above the cursor exactly once, in order, whatever happens to connections and broker."""

import asyncio
import json
import random
import time
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from backends import Caller, Writer, eventually, is_problem
from clients import ask, read, socket, sse, until_closed
from serving import OPTIONS, MakeCaller, serving
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus

from hortus_agents.events import MessageCompleted, MessageCreated, MessageRestarted, ModelCalled
from hortus_agents.messages import Usage
from hortus_server.adapters.postgres.store import PostgresStore
from hortus_server.adapters.redis.client import connect_redis
from hortus_server.adapters.redis.live import open_live
from hortus_server.adapters.redis.streams import open_streams
from hortus_server.api.edge import EdgePorts, make_edge
from hortus_server.domain.ids import TenantId
from hortus_server.ports.live import LiveSubscriber, TokenDelta
from hortus_server.ports.store import Store
from hortus_server.services.follow_session import FollowSession, Idle
from hortus_server.services.purge_events import PurgeEvents
from hortus_server.services.read_heads import ReadHeads


def model_called() -> ModelCalled:
    return ModelCalled(
        message_id=uuid4(),
        model="m",
        tool_mode="native",
        text="thinking aloud",
        finish_reason="tool_calls",
        usage=Usage(),
        duration_ms=1.0,
        prompt_sha256="0",
    )


def said(text: str) -> MessageCreated:
    return MessageCreated(message_id=uuid4(), content=text)


async def caught_up(opened: ClientConnection, writer: Writer) -> int:
    """Past the log that was there, and past a new reader's look at unfinished text; the number of the last event.

    The first event may come with that log, the second comes to a reader that follows.
    """
    for _ in range(2):
        (event,) = await writer.write(said("here"))
        while (await read(opened))["event"]["seq"] < event.seq:
            pass
    return event.seq


async def collect(address: str, path: str, key: str, *, until: int, seed: int) -> list[int]:
    """Sequence numbers as a client sees them that drops its connection at random and comes back by cursor."""
    chance = random.Random(seed)
    seen: list[int] = []
    while not seen or seen[-1] < until:
        cursor = seen[-1] if seen else 0
        async with socket(address, f"{path}?after={cursor}", key) as opened:
            for _ in range(chance.randint(1, 12)):
                frame = await read(opened)
                assert frame["type"] == "event", frame
                seen.append(frame["event"]["seq"])
                if seen[-1] >= until:
                    break
            opened.transport.abort()  # as a network does it; a farewell would wait behind what was not read
    return seen


async def test_clients_that_drop_at_random_read_each_event_exactly_once(address: str, admin: Caller, writer: Writer):
    last = 121

    async def write() -> None:
        chance = random.Random(7)
        while (await writer.write(*(said("x") for _ in range(chance.randint(1, 4))), publish=chance.random() > 0.1))[
            -1
        ].seq < last:
            await asyncio.sleep(chance.random() * 0.02)

    path = f"/v1/sessions/{writer.session_id}/stream"
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(write())
        readers = [group.create_task(collect(address, path, admin.key, until=last, seed=seed)) for seed in range(4)]
    for reader in readers:
        assert reader.result() == list(range(1, reader.result()[-1] + 1))


async def test_events_come_in_order_even_if_the_live_channel_mixes_them_up(address: str, admin: Caller, writer: Writer):
    async with socket(address, f"/v1/sessions/{writer.session_id}/stream?after=1", admin.key) as opened:
        last = await caught_up(opened, writer)
        events = await writer.write(*(said(str(number)) for number in range(6)), publish=False)
        for event in (events[4], events[1], events[1], events[0], events[5]):
            await writer.live.publish_events(writer.tenant_id, writer.session_id, [event])
        seen = [(await read(opened))["event"] for _ in range(6)]
    assert [event["seq"] for event in seen] == list(range(last + 1, last + 7))
    assert [event["payload"]["content"] for event in seen] == ["0", "1", "2", "3", "4", "5"]


async def test_an_event_that_nobody_published_arrives_by_the_poll(address: str, admin: Caller, writer: Writer):
    async with socket(address, f"/v1/sessions/{writer.session_id}/stream?after=1", admin.key) as opened:
        await caught_up(opened, writer)
        await writer.write(said("silent"), publish=False)
        assert (await read(opened))["event"]["payload"]["content"] == "silent"


async def test_sse_resumes_by_last_event_id(address: str, admin: Caller, writer: Writer):
    await writer.write(*(said(str(number)) for number in range(4)))
    path = f"/v1/sessions/{writer.session_id}/events"
    async with sse(address, path, admin.key) as items:
        first = [await anext(items) for _ in range(2)]
    assert [item["id"] for item in first] == ["1", "2"]
    assert {item["event"] for item in first} == {"event"}
    async with sse(address, f"{path}?after=0", admin.key, **{"Last-Event-ID": first[-1]["id"]}) as items:
        rest = [await anext(items) for _ in range(3)]
        await writer.write(said("live"))
        rest.append(await anext(items))
    assert [item["data"]["event"]["seq"] for item in rest] == [3, 4, 5, 6]


async def test_a_stream_says_that_it_lives(address: str, admin: Caller, writer: Writer):
    async with socket(address, f"/v1/sessions/{writer.session_id}/stream?after=1", admin.key) as opened:
        assert (await read(opened, heartbeats=True))["type"] == "heartbeat"
    async with sse(address, f"/v1/sessions/{writer.session_id}/events?after=1", admin.key, heartbeats=True) as items:
        assert (await anext(items))["event"] == "heartbeat"


async def test_a_cursor_beyond_the_end_or_no_number_is_refused(address: str, admin: Caller, writer: Writer):
    for cursor in ("2", "-1", "x", "1.0", "9" * 30):
        with pytest.raises(InvalidStatus) as refused:
            async with socket(address, f"/v1/sessions/{writer.session_id}/stream?after={cursor}", admin.key):
                pass
        assert refused.value.response.status_code == 422
        assert json.loads(refused.value.response.body or b"{}")["code"] == "invalid_cursor"
    answer = await admin.get(
        f"/v1/sessions/{writer.session_id}/events?after=9", headers={"Accept": "text/event-stream"}
    )
    is_problem(answer, 422, "invalid_cursor")


async def forget(store: PostgresStore, session_id: UUID, *, up_to: int) -> None:
    """What retention does: the oldest events of a log go."""
    async with store._pool.connection() as connection:
        await connection.execute("DELETE FROM events WHERE session_id = %s AND seq <= %s", (session_id, up_to))


async def test_a_cursor_older_than_what_is_kept_gets_a_gap_and_then_the_rest(
    address: str, admin: Caller, writer: Writer, store: PostgresStore
) -> None:
    await writer.write(*(said(str(number)) for number in range(5)))
    await forget(store, writer.session_id, up_to=4)
    gap = {"type": "gap", "session_id": str(writer.session_id), "from": 3, "to": 4, "reason": "retention"}
    async with socket(address, f"/v1/sessions/{writer.session_id}/stream?after=2", admin.key) as opened:
        assert await read(opened) == gap
        assert [(await read(opened))["event"]["seq"] for _ in range(2)] == [5, 6]
    async with socket(address, "/v1/stream", admin.key) as opened:
        await ask(opened, id=1, type="subscribe", session_id=str(writer.session_id), after=2)
        assert await read(opened) == gap
    path = f"/v1/sessions/{writer.session_id}/events"
    async with sse(address, path, admin.key, **{"Last-Event-ID": "2"}) as items:
        first = await anext(items)
        assert (first["event"], first["data"], "id" in first) == ("gap", gap, False)
        assert [(await anext(items))["id"] for _ in range(2)] == ["5", "6"]


async def test_a_cursor_behind_which_nothing_is_kept_gets_a_gap_at_once(
    address: str, admin: Caller, writer: Writer, store: PostgresStore
) -> None:
    await writer.write(*(said(str(number)) for number in range(5)))
    await forget(store, writer.session_id, up_to=6)
    async with socket(address, f"/v1/sessions/{writer.session_id}/stream?after=2", admin.key) as opened:
        gap = await read(opened)
        assert (gap["type"], gap["from"], gap["to"]) == ("gap", 3, 6)
        await writer.write(said("new"))
        assert (await read(opened))["event"]["seq"] == 7


async def test_events_of_types_that_a_newer_version_writes_are_passed_over_in_silence(
    address: str, admin: Caller, writer: Writer, store: PostgresStore
) -> None:
    """In a rolling upgrade they are in the log, and not in this version's reading of it."""
    await writer.write(*(said(str(number)) for number in range(5)))
    async with store._pool.connection() as connection:
        await connection.execute(
            "UPDATE events SET type = 'future.thing' WHERE session_id = %s AND seq IN (3, 4, 6)", (writer.session_id,)
        )
    path = f"/v1/sessions/{writer.session_id}/events"
    page = (await admin.get(f"{path}?after=1")).json()
    assert ([event["seq"] for event in page["items"]], page["gaps"], page["next_after"]) == ([2, 5], [], 6)
    async with socket(address, f"/v1/sessions/{writer.session_id}/stream?after=1", admin.key) as opened:
        assert [(await read(opened))["event"]["seq"] for _ in range(2)] == [2, 5]
        await writer.write(said("new"))
        assert (await read(opened))["event"]["seq"] == 7


async def test_a_gap_among_unknown_types_is_as_long_as_what_is_gone(
    address: str, admin: Caller, writer: Writer, store: PostgresStore
) -> None:
    await writer.write(*(said(str(number)) for number in range(5)))
    async with store._pool.connection() as connection:
        await connection.execute(
            "UPDATE events SET type = 'future.thing' WHERE session_id = %s AND seq = 4", (writer.session_id,)
        )
    await forget(store, writer.session_id, up_to=3)
    async with socket(address, f"/v1/sessions/{writer.session_id}/stream?after=1", admin.key) as opened:
        gap = await read(opened)
        assert (gap["type"], gap["from"], gap["to"]) == ("gap", 2, 3)
        assert (await read(opened))["event"]["seq"] == 5


async def test_after_a_purge_every_way_to_read_names_the_same_gap(
    address: str, admin: Caller, store: PostgresStore
) -> None:
    await admin.agent()
    old = (await admin.post("/v1/runs", {"agent": "helper", "input": "long ago"})).json()
    await admin.post(f"/v1/runs/{old['id']}/cancel")
    async with store._pool.connection() as connection:
        await connection.execute("UPDATE runs SET finished_at = now() - interval '2 days' WHERE id = %s", (old["id"],))
    session_id = old["session_id"]
    young = (await admin.post("/v1/runs", {"session_id": session_id, "input": "now"})).json()
    await PurgeEvents(store, timedelta(days=1))()
    path = f"/v1/sessions/{session_id}/events"
    page = (await admin.get(path)).json()
    (gap,) = page["gaps"]
    assert (gap["from"], gap["reason"], page["items"][0]["seq"]) == (1, "retention", gap["to"] + 1)
    assert {event["run_id"] for event in page["items"]} == {young["id"]}
    frame = {"type": "gap", "session_id": session_id, **gap}
    async with socket(address, f"/v1/sessions/{session_id}/stream?after=0", admin.key) as opened:
        assert await read(opened) == frame
        assert (await read(opened))["event"] == page["items"][0]
    async with sse(address, path, admin.key) as items:
        assert (await anext(items))["data"] == frame
        assert (await anext(items))["data"]["event"] == page["items"][0]


@pytest.mark.parametrize("cursor", ["99", "-1", "x", "1.5", "", "9" * 30])
async def test_a_wrong_cursor_is_a_clear_problem_over_sse_too(admin: Caller, writer: Writer, cursor: str) -> None:
    headers = {"Accept": "text/event-stream", "Last-Event-ID": cursor}
    answer = await admin.get(f"/v1/sessions/{writer.session_id}/events", headers=headers)
    is_problem(answer, 422, "invalid_cursor")


async def test_idle_streams_share_their_looks_at_the_log(ports: EdgePorts, admin: Caller, writer: Writer) -> None:
    looks = 0

    class Counting:
        """The store, counting."""

        def transaction(self, tenant_id: TenantId) -> Any:
            nonlocal looks
            looks += 1
            return ports.store.transaction(tenant_id)

        def system_transaction(self) -> Any:
            nonlocal looks
            looks += 1
            return ports.store.system_transaction()

    counting: Any = Counting()
    readers, window_s = 40, 0.1
    heads = ReadHeads(counting, window_s=window_s)
    follow = FollowSession(counting, ports.streams, heads, poll_s=0.2, longest_poll_s=0.2)

    async def idle() -> None:
        async with follow(writer.tenant_id, writer.session_id, after=1) as items:
            async for item in items:
                assert isinstance(item, Idle)

    tasks = [asyncio.create_task(idle()) for _ in range(readers)]
    await eventually(lambda: _is(lambda: looks >= 2 * readers), within_s=20)  # each has begun
    await asyncio.sleep(0.5)
    before, began = looks, time.monotonic()
    await asyncio.sleep(1.0)
    seen, took_s = looks - before, time.monotonic() - began
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert all(task.cancelled() for task in tasks)
    # Alone each would have looked five times a second.
    assert 0 < seen <= took_s / window_s + 1


async def shown(streams: LiveSubscriber, writer: Writer, text: str | None) -> None:
    """Wait until this is the unfinished text of the session."""

    async def is_shown() -> bool:
        partial = await streams.partial(writer.tenant_id, writer.session_id)
        return (partial.text if partial else None) == text

    await eventually(is_shown)


async def test_a_partial_text_is_over_with_its_model_call(
    address: str, admin: Caller, writer: Writer, streams: LiveSubscriber
) -> None:
    call = model_called()
    await writer.live.publish_delta(
        writer.tenant_id, writer.session_id, TokenDelta(call.message_id, 0, "thinking aloud")
    )
    await shown(streams, writer, "thinking aloud")
    await writer.write(call)
    await shown(streams, writer, None)
    async with socket(address, f"/v1/sessions/{writer.session_id}/stream?after=2", admin.key) as opened:
        await writer.write(said("next"))
        assert (await read(opened))["type"] == "event", "no snapshot of what is over"


async def test_a_session_of_another_tenant_cannot_be_followed(
    address: str, stranger: Caller, make_caller: MakeCaller, writer: Writer
):
    path = f"/v1/sessions/{writer.session_id}/stream"
    for caller, status in ((stranger, 404), (await make_caller("runs:read"), 403)):
        with pytest.raises(InvalidStatus) as refused:
            async with socket(address, path, caller.key):
                pass
        assert refused.value.response.status_code == status
    async with socket(address, "/v1/stream", stranger.key) as opened:
        reply = await ask(opened, id=1, type="subscribe", session_id=str(writer.session_id))
        assert (reply["ok"], reply["problem"]["code"]) == (False, "not_found")


async def test_text_streams_as_deltas_and_ends_with_its_event(address: str, admin: Caller, writer: Writer):
    message = uuid4()
    async with socket(address, f"/v1/sessions/{writer.session_id}/stream?after=1", admin.key) as opened:
        await caught_up(opened, writer)
        for index, text in ((0, "Hel"), (3, "lo")):
            await writer.live.publish_delta(writer.tenant_id, writer.session_id, TokenDelta(message, index, text))
        frames = [await read(opened) for _ in range(2)]
        assert [(frame["type"], frame["index"], frame["text"]) for frame in frames] == [
            ("delta", 0, "Hel"),
            ("delta", 3, "lo"),
        ]
        await writer.write(MessageCompleted(message_id=message, content="Hello"))
        assert (await read(opened))["event"]["type"] == "message.completed"
        await writer.live.publish_delta(writer.tenant_id, writer.session_id, TokenDelta(message, 5, " late"))
        await writer.write(said("next"))
        assert (await read(opened))["event"]["payload"]["content"] == "next"


async def test_joining_in_the_middle_gives_a_snapshot_and_then_the_rest(
    address: str, admin: Caller, writer: Writer, streams: LiveSubscriber
):
    message = uuid4()
    for index, text in ((0, "One "), (4, "two ")):
        await writer.live.publish_delta(writer.tenant_id, writer.session_id, TokenDelta(message, index, text))
    await shown(streams, writer, "One two ")
    async with socket(address, f"/v1/sessions/{writer.session_id}/stream?after=1", admin.key) as opened:
        snapshot = await read(opened)
        assert (snapshot["type"], snapshot["message_id"], snapshot["text"]) == ("snapshot", str(message), "One two ")
        await writer.live.publish_delta(writer.tenant_id, writer.session_id, TokenDelta(message, 8, "three"))
        delta = await read(opened)
        assert (delta["index"], delta["text"]) == (8, "three")


async def test_a_restarted_message_begins_anew(address: str, admin: Caller, writer: Writer):
    message = uuid4()
    async with socket(address, f"/v1/sessions/{writer.session_id}/stream?after=1", admin.key) as opened:
        await caught_up(opened, writer)
        await writer.live.publish_delta(writer.tenant_id, writer.session_id, TokenDelta(message, 0, "wrong way"))
        assert (await read(opened))["text"] == "wrong way"
        await writer.write(MessageRestarted(message_id=message, reason="worker lost"))
        assert (await read(opened))["event"]["type"] == "message.restarted"
        await writer.live.publish_delta(writer.tenant_id, writer.session_id, TokenDelta(message, 0, "right"))
        assert (await read(opened))["text"] == "right"


async def test_a_dead_broker_slows_streams_but_never_stops_them(
    own_valkey, ports: EdgePorts, admin: Caller, store: Store, writer: Writer
):
    redis = connect_redis(own_valkey.url, timeout_s=0.5)
    async with open_live(redis, timeout_s=0.5) as live, open_streams(redis, timeout_s=0.5, buffer=64) as streams:
        from_broker = EdgePorts(store=store, queue=ports.queue, live=live, streams=streams)
        edge = make_edge(OPTIONS, from_broker)
        writing = Writer(store, live, writer.tenant_id, writer.session_id)
        async with serving(edge) as (_, where):
            path = f"/v1/sessions/{writer.session_id}/stream?after=1"
            async with socket(where, path, admin.key) as opened:
                await writing.write(said("up"))
                assert (await read(opened))["event"]["payload"]["content"] == "up"
                own_valkey.stop()
                await writing.write(said("down"))
                assert (await read(opened))["event"]["payload"]["content"] == "down"
                async with socket(where, path, admin.key) as late:
                    seen = [(await read(late))["event"]["seq"] for _ in range(2)]
                    assert seen == [2, 3]
                own_valkey.start()
                await writing.write(said("back"))
                assert (await read(opened))["event"]["payload"]["content"] == "back"
    await redis.aclose()


async def test_a_reader_that_takes_nothing_is_closed_and_comes_back_by_cursor(
    with_options, admin: Caller, writer: Writer
):
    big = "x" * 90_000
    for _ in range(6):
        await writer.write(*(said(big) for _ in range(20)), publish=False)
    edge = with_options(send_timeout_s=0.5)
    path = f"/v1/sessions/{writer.session_id}/stream"
    async with serving(edge) as (_, where):
        async with socket(where, f"{path}?after=0", admin.key, max_queue=2, max_size=None) as opened:
            closed = edge.metrics.streams_closed.labels("4408")
            await eventually(lambda: _is(lambda: closed._value.get() == 1), within_s=15)
            _, frames = await until_closed(opened)
        seen = [frame["event"]["seq"] for frame in frames][-1]
        assert [frame["event"]["seq"] for frame in frames] == list(range(1, seen + 1))
        assert seen < 121
        async with socket(where, f"{path}?after={seen}", admin.key, max_size=None) as opened:
            assert (await read(opened))["event"]["seq"] == seen + 1


async def test_an_sse_reader_that_takes_nothing_is_hung_up_on(with_options, admin: Caller, writer: Writer):
    for _ in range(6):
        await writer.write(*(said("x" * 90_000) for _ in range(20)), publish=False)
    edge = with_options(send_timeout_s=0.5)
    async with serving(edge) as (_, where):
        host, _, port = where.partition(":")
        reader, sender = await asyncio.open_connection(host, int(port), limit=1024)
        lines = [
            f"GET /v1/sessions/{writer.session_id}/events HTTP/1.1",
            f"Host: {where}",
            f"Authorization: Bearer {admin.key}",
            "Accept: text/event-stream",
        ]
        sender.write("\r\n".join([*lines, "", ""]).encode())
        closed = edge.metrics.streams_closed.labels("4408")
        await eventually(lambda: _is(lambda: closed._value.get() == 1), within_s=15)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        sender.close()


async def _is(check) -> bool:
    return check()


async def test_at_shutdown_sockets_close_with_1012_and_sse_ends(with_options, admin: Caller, writer: Writer):
    edge = with_options()
    path = f"/v1/sessions/{writer.session_id}"
    async with (
        serving(edge) as (server, where),
        socket(where, f"{path}/stream?after=1", admin.key) as opened,
        sse(where, f"{path}/events?after=1", admin.key) as items,
    ):
        await eventually(lambda: _is(lambda: edge.registry._open == 2))
        server.should_exit = True
        assert await until_closed(opened) == (1012, [])
        async with asyncio.timeout(10):
            assert [item async for item in items] == []


async def test_a_deleted_session_ends_its_streams(address: str, admin: Caller, writer: Writer):
    async with socket(address, f"/v1/sessions/{writer.session_id}/stream?after=1", admin.key) as opened:
        await caught_up(opened, writer)
        assert (await admin.delete(f"/v1/sessions/{writer.session_id}")).status_code == 204
        assert await refused_as(opened) == (4404, ["not_found"])


async def test_a_revoked_key_loses_its_stream(address: str, admin: Caller, make_caller: MakeCaller, writer: Writer):
    guest = await make_caller("sessions:read")
    key_id = (await guest.get("/v1/me")).json()["key_id"]
    async with socket(address, f"/v1/sessions/{writer.session_id}/stream?after=1", guest.key) as opened:
        await admin.delete(f"/v1/admin/keys/{key_id}")
        assert (await until_closed(opened))[0] == 4401


async def test_places_for_streams_are_bounded(with_options, admin: Caller, writer: Writer):
    path = f"/v1/sessions/{writer.session_id}/stream?after=1"
    async with serving(with_options(connections=1)) as (_, where):
        async with socket(where, path, admin.key):
            with pytest.raises(InvalidStatus) as refused:
                async with socket(where, path, admin.key):
                    pass
            assert refused.value.response.status_code == 429
        async with asyncio.timeout(30):
            while True:
                try:
                    async with socket(where, path, admin.key):
                        break
                except InvalidStatus:
                    await asyncio.sleep(0.05)


async def test_one_socket_follows_many_sessions(address: str, admin: Caller, writer: Writer, store: Store):
    other = Writer(store, writer.live, admin.tenant_id, await admin.session())
    async with socket(address, "/v1/stream", admin.key) as opened:
        for number, session in enumerate((writer.session_id, other.session_id)):
            reply = await ask(opened, id=number, type="subscribe", session_id=str(session), after=1)
            assert reply == {"type": "reply", "id": number, "ok": True, "session_id": str(session)}
        await writer.write(said("a"))
        await other.write(said("b"))
        seen = {(event["session_id"], event["seq"]) for event in [(await read(opened))["event"] for _ in range(2)]}
        assert seen == {(str(writer.session_id), 2), (str(other.session_id), 2)}
        again = await ask(opened, id="x", type="subscribe", session_id=str(other.session_id))
        assert again["problem"]["code"] == "conflict"
        assert (await ask(opened, id="y", type="unsubscribe", session_id=str(other.session_id)))["ok"]
        missing = await ask(opened, id="z", type="unsubscribe", session_id=str(other.session_id))
        assert missing["problem"]["code"] == "not_found"
        await other.write(said("unseen"))
        await writer.write(said("seen"))
        assert (await read(opened))["event"]["payload"]["content"] == "seen"
        beyond = await ask(opened, id="w", type="subscribe", session_id=str(other.session_id), after=99)
        assert beyond["problem"]["code"] == "invalid_cursor"


async def test_runs_are_started_and_cancelled_in_band(address: str, admin: Caller, writer: Writer):
    async with socket(address, f"/v1/sessions/{writer.session_id}/stream?after=1", admin.key) as opened:
        start = {"type": "start", "input": "go", "idempotency_key": "once"}
        first = await ask(opened, id=1, **start)
        assert first["run"]["session_id"] == str(writer.session_id)
        again = await ask(opened, id=2, **start)
        assert again["run"] == first["run"]
        cancelled = await ask(opened, id=3, type="cancel", run_id=first["run"]["id"])
        assert cancelled["run"]["status"] == "cancelled"
        unknown = await ask(opened, id=4, type="cancel", run_id=str(uuid4()))
        assert unknown["problem"]["code"] == "not_found"
    assert len((await admin.get("/v1/runs")).json()["items"]) == 1


async def test_each_frame_gets_exactly_one_reply_whatever_it_says(address: str, admin: Caller):
    frames = [
        ({"id": 1, "type": "ping"}, None),
        ({"id": 2, "type": "steer", "text": "x"}, "invalid_request"),
        ({"id": 3, "type": "approve"}, "invalid_request"),
        ({"id": 4, "type": "dance"}, "invalid_request"),
        ({"id": 5, "type": "ping", "colour": 1}, "invalid_request"),
        ({"id": 6, "type": "subscribe", "session_id": "x"}, "invalid_request"),
        ({"id": 7, "type": "subscribe", "session_id": str(UUID(int=0)), "after": -1}, "invalid_request"),
        ({"id": 8, "type": "start", "agent": "nobody", "input": "x"}, "not_found"),
        ({"id": 9, "type": "start", "input": "x"}, "invalid_input"),
        ({"id": 10, "type": "start", "agent": "a\0", "input": "x"}, "invalid_input"),
        ({"id": 11, "type": "auth", "key": "hk_x"}, "conflict"),
        ({"type": "ping"}, "invalid_request"),
        ({"id": 12}, "invalid_request"),
        ({"id": 13, "type": ["ping"]}, "invalid_request"),
        ({"id": 14, "type": "ping", "deep": json.loads("[" * 500 + "]" * 500)}, "invalid_input"),
    ]
    async with socket(address, "/v1/stream", admin.key) as opened:
        for frame, _ in frames:
            await opened.send(json.dumps(frame))
        for frame, code in frames:
            reply = await read(opened)
            assert reply["type"] == "reply"
            assert reply["id"] == frame.get("id")
            assert reply["ok"] is (code is None)
            assert (reply.get("problem") or {}).get("code") == code


async def test_malformed_frames_close_with_a_documented_code(address: str, admin: Caller):
    for text, code in (("{", 4400), ("[]", 4400), ("1", 4400), (b"bytes", 4400), ("x" * 9000, 1009)):
        async with socket(address, "/v1/stream", admin.key) as opened:
            await opened.send(text)
            assert (await until_closed(opened))[0] == code, text[:10]


async def test_the_first_frame_authenticates_where_no_header_can(
    address: str, admin: Caller, writer: Writer, with_options
):
    path = f"/v1/sessions/{writer.session_id}/stream"
    async with socket(address, path) as opened:
        assert (await ask(opened, id=1, type="auth", key=admin.key))["ok"]
        assert (await read(opened))["event"]["seq"] == 1
    for frame in ({"id": 1, "type": "auth", "key": "hk_wrong"}, {"id": 1, "type": "ping"}, {"type": "auth"}):
        async with socket(address, path) as opened:
            await opened.send(json.dumps(frame))
            assert await refused_as(opened) == (4401, ["unauthenticated"])
    async with serving(with_options(auth_wait_s=0.1)) as (_, where), socket(where, path) as silent:
        assert await refused_as(silent) == (4401, ["unauthenticated"])


async def refused_as(opened: ClientConnection) -> tuple[int | None, list[str]]:
    code, frames = await until_closed(opened)
    return code, [frame["problem"]["code"] for frame in frames]


async def test_the_key_never_goes_into_the_address(address: str, admin: Caller, writer: Writer):
    with pytest.raises(InvalidStatus) as refused:
        async with socket(address, f"/v1/sessions/{writer.session_id}/stream?key={admin.key}"):
            pass
    assert refused.value.response.status_code == 422
