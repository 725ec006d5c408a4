"""Webhooks on a real PostgreSQL and real sockets: owed with the event, sent at least once, given up in the end."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest
from standardwebhooks.webhooks import Webhook as Verifier
from store_world import World, make_world, new, said
from webhook_world import Outbox, Receiver, receiving

from hortus_server.adapters.webhook_sender import SenderBounds, open_webhook_sender
from hortus_server.domain.errors import ConflictError, NotFoundError, StaleGenerationError
from hortus_server.ports.store import Store
from hortus_server.services.change_webhook import ChangeWebhook
from hortus_server.services.create_once import Once
from hortus_server.services.replay_deliveries import replay_dead, replay_delivery

DELAYS = [timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2)]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as opened:
        yield opened


@pytest.fixture
async def outbox(world: World, receiver: Receiver) -> AsyncIterator[Outbox]:
    bounds = SenderBounds(private_allow=frozenset({f"127.0.0.1:{receiver.port}"}), timeout_s=2.0)
    async with open_webhook_sender(bounds) as sender:
        yield Outbox(world, sender)


async def test_an_event_is_delivered_signed_and_logged(outbox: Outbox, receiver: Receiver):
    webhook, secret = await outbox.add(receiver.url())
    await outbox.say()
    assert await outbox.process()() == 1
    (message,) = receiver.got
    (delivery,) = await outbox.deliveries(webhook)
    told = Verifier(secret).verify(message.body, message.headers)
    assert told["type"] == "message.created"
    assert told["data"]["session_id"] == str(outbox.world.session.id)
    assert (told["data"]["seq"], told["timestamp"]) == (1, told["data"]["at"])
    assert message.headers["webhook-id"] == str(delivery.id)
    assert (delivery.state, delivery.attempts, delivery.last_status) == ("delivered", 1, 200)
    (attempt,) = await outbox.attempts(delivery.id)
    assert (attempt.attempt, attempt.status, attempt.error, attempt.response_excerpt) == (1, 200, None, "says 200")
    assert attempt.latency_ms > 0
    assert await outbox.process()() == 0


async def test_an_event_that_is_rolled_back_owes_nothing(outbox: Outbox, receiver: Receiver):
    webhook, _ = await outbox.add(receiver.url())

    async def fail() -> None:
        async with outbox.world.store.system_transaction() as uow:
            await uow.events.append(outbox.world.tenant_id, outbox.world.session.id, new(said("never")))
            raise ConflictError("changed my mind")

    with pytest.raises(ConflictError):
        await fail()
    assert await outbox.deliveries(webhook) == []
    await outbox.process()()
    assert receiver.got == []


async def test_a_fenced_append_owes_and_a_stale_one_does_not(outbox: Outbox, receiver: Receiver):
    webhook, _ = await outbox.add(receiver.url())
    world = outbox.world
    run = await world.submit()
    claim = await world.claim(run)
    await world.append(claim, said("one"))
    async with world.store.system_transaction() as uow:
        await uow.runs.release(run.tenant_id, run.id, claim.generation)
    await world.claim(run, "w2")
    with pytest.raises(StaleGenerationError):
        await world.append(claim, said("two"))
    assert [one.seq for one in await outbox.deliveries(webhook)] == [1, 4]


async def test_webhooks_cost_no_statement_of_their_own(outbox: Outbox, receiver: Receiver, sql_statements):
    await outbox.say()
    assert len(sql_statements) == 1
    sql_statements.clear()
    await outbox.add(receiver.url())
    sql_statements.clear()
    await outbox.say(3)
    assert len(sql_statements) == 1


async def test_a_tenant_is_not_told_of_another(outbox: Outbox, receiver: Receiver, other: World):
    webhook, _ = await outbox.add(receiver.url(), events=("*",))
    async with other.store.system_transaction() as uow:
        await uow.events.append(other.tenant_id, other.session.id, new(said("secret")))
    assert await outbox.deliveries(webhook) == []
    async with other.store.system_transaction() as uow:
        with pytest.raises(NotFoundError):
            await uow.webhooks.get(other.tenant_id, webhook.id)
        with pytest.raises(NotFoundError):
            await uow.webhooks.rotate_secret(
                other.tenant_id, webhook.id, secret="whsec_eA==", previous_until=outbox.clock()
            )


async def test_processes_that_look_at_once_send_each_message_once(outbox: Outbox, receiver: Receiver):
    await outbox.add(receiver.url())
    await outbox.say(40)
    async with asyncio.TaskGroup() as group:
        looks = [group.create_task(outbox.process()()) for _ in range(8)]
    assert sum(task.result() for task in looks) == 40
    sent = [message.headers["webhook-id"] for message in receiver.got]
    assert len(sent) == len(set(sent)) == 40


async def test_what_fails_is_tried_again_later_and_later_and_then_is_dead(outbox: Outbox, receiver: Receiver):
    webhook, _ = await outbox.add(receiver.url())
    receiver.status = 500
    await outbox.say()
    for made, delay in enumerate(DELAYS, start=1):
        assert await outbox.process()() == 1
        (delivery,) = await outbox.deliveries(webhook)
        assert (delivery.state, delivery.attempts, delivery.last_error) == ("pending", made, "HTTP 500")
        assert delivery.next_attempt_at == outbox.clock() + delay
        outbox.clock.pass_(delay - timedelta(milliseconds=1))
        assert await outbox.process()() == 0
        outbox.clock.pass_(timedelta(milliseconds=1))
    await outbox.process()()
    (delivery,) = await outbox.deliveries(webhook)
    assert (delivery.state, delivery.attempts, delivery.next_attempt_at) == ("dead", 4, None)
    outbox.clock.pass_(timedelta(days=1))
    assert await outbox.process()() == 0
    assert [attempt.attempt for attempt in await outbox.attempts(delivery.id)] == [1, 2, 3, 4]
    assert len({message.headers["webhook-id"] for message in receiver.got}) == 1


async def test_a_wish_to_wait_is_granted(outbox: Outbox, receiver: Receiver):
    webhook, _ = await outbox.add(receiver.url())
    receiver.status, receiver.headers = 429, {"Retry-After": "60"}
    await outbox.say()
    await outbox.process()()
    assert (await outbox.deliveries(webhook))[0].next_attempt_at == outbox.clock() + timedelta(seconds=60)


async def kill(outbox: Outbox, receiver: Receiver) -> None:
    """Let all attempts of everything that is owed fail."""
    receiver.status = 500
    for delay in [*DELAYS, timedelta(0)]:
        await outbox.process()()
        outbox.clock.pass_(delay)


async def test_a_dead_delivery_is_replayed_under_its_own_id_with_its_retries_anew(outbox: Outbox, receiver: Receiver):
    webhook, _ = await outbox.add(receiver.url())
    await outbox.say()
    await kill(outbox, receiver)
    (dead,) = await outbox.deliveries(webhook)
    assert dead.state == "dead"
    store, now = outbox.world.store, outbox.clock()
    replayed = await replay_delivery(store, webhook.tenant_id, webhook.id, delivery_id=dead.id, now=now)
    assert (replayed.state, replayed.next_attempt_at, replayed.finished_at) == ("pending", now, None)
    await outbox.process()()
    (delivery,) = await outbox.deliveries(webhook)
    assert (delivery.state, delivery.attempts) == ("pending", 5)
    assert delivery.next_attempt_at == outbox.clock() + DELAYS[0]
    receiver.status = 200
    outbox.clock.pass_(DELAYS[0])
    await outbox.process()()
    (delivery,) = await outbox.deliveries(webhook)
    assert (delivery.id, delivery.state, delivery.attempts) == (dead.id, "delivered", 6)
    assert {message.headers["webhook-id"] for message in receiver.got} == {str(dead.id)}


async def test_all_dead_deliveries_are_replayed_at_once_and_live_ones_left_alone(outbox: Outbox, receiver: Receiver):
    webhook, _ = await outbox.add(receiver.url())
    await outbox.say(3)
    await kill(outbox, receiver)
    await outbox.say()
    store = outbox.world.store
    assert await replay_dead(store, webhook.tenant_id, webhook.id, now=outbox.clock()) == 3
    assert await replay_dead(store, webhook.tenant_id, webhook.id, now=outbox.clock()) == 0
    receiver.status = 200
    assert await outbox.process()() == 4
    assert {one.state for one in await outbox.deliveries(webhook)} == {"delivered"}


async def test_what_is_being_sent_cannot_be_replayed(outbox: Outbox, receiver: Receiver):
    webhook, _ = await outbox.add(receiver.url())
    await outbox.say()
    async with outbox.world.store.system_transaction() as uow:
        (taken,) = await uow.deliveries.take_due(outbox.clock(), lease=timedelta(seconds=60), limit=5, per_webhook=5)
    with pytest.raises(ConflictError):
        await replay_delivery(
            outbox.world.store, webhook.tenant_id, webhook.id, delivery_id=taken.id, now=outbox.clock()
        )


async def test_a_sender_that_dies_leaves_its_delivery_to_another_and_can_write_no_more(
    outbox: Outbox, receiver: Receiver
):
    webhook, _ = await outbox.add(receiver.url())
    await outbox.say()
    store = outbox.world.store
    async with store.system_transaction() as uow:
        (lost,) = await uow.deliveries.take_due(outbox.clock(), lease=timedelta(seconds=60), limit=5, per_webhook=5)
    assert "whsec_" not in repr(lost)
    assert await outbox.process()() == 0
    outbox.clock.pass_(timedelta(seconds=60))
    assert await outbox.process()() == 1
    (delivery,) = await outbox.deliveries(webhook)
    (attempt,) = await outbox.attempts(delivery.id)
    assert (delivery.state, attempt.attempt) == ("delivered", 2)
    async with store.system_transaction() as uow:
        assert not await uow.deliveries.record(lost, attempt, state="dead", next_attempt_at=None)
    assert (await outbox.deliveries(webhook))[0].state == "delivered"


async def test_gone_disables_at_once(outbox: Outbox, receiver: Receiver):
    webhook, _ = await outbox.add(receiver.url())
    receiver.status = 410
    await outbox.say(2)
    await outbox.process(per_webhook=1, rounds=1)()
    found = await outbox.webhook(webhook)
    assert (found.enabled, found.disabled_reason) == (False, "the endpoint answered 410 Gone")
    assert sorted(one.state for one in await outbox.deliveries(webhook)) == ["dead", "pending"]
    await outbox.say()
    assert await outbox.process()() == 0
    assert len(await outbox.deliveries(webhook)) == 2


async def test_an_endpoint_that_fails_for_days_is_disabled_and_an_arrival_forgives(outbox: Outbox, receiver: Receiver):
    webhook, _ = await outbox.add(receiver.url())
    receiver.status = 503
    await outbox.say()
    await outbox.process()()
    assert (await outbox.webhook(webhook)).failing_since == outbox.clock()
    receiver.status = 200
    outbox.clock.pass_(timedelta(days=4))
    await outbox.process()()
    assert (await outbox.webhook(webhook)).failing_since is None
    receiver.status = 503
    for days in (0, 4, 1):
        outbox.clock.pass_(timedelta(days=days))
        assert (await outbox.webhook(webhook)).enabled
        await outbox.say()
        await outbox.process()()
    found = await outbox.webhook(webhook)
    assert not found.enabled
    assert found.disabled_reason.startswith("nothing arrived since ")


async def test_what_was_owed_waits_while_its_webhook_is_disabled(outbox: Outbox, receiver: Receiver):
    webhook, _ = await outbox.add(receiver.url())
    change = ChangeWebhook(outbox.world.store, outbox.sender, outbox.clock)
    await outbox.say()
    await change(webhook.tenant_id, webhook.id, changes={"enabled": False})
    assert await outbox.process()() == 0
    await change(webhook.tenant_id, webhook.id, changes={"enabled": True})
    assert await outbox.process()() == 1


async def test_an_endpoint_that_hangs_holds_up_no_other(outbox: Outbox, receiver: Receiver):
    async with receiving() as slow:
        slow.pause_s = 60.0  # and the other answers within the three seconds on a busy machine too
        allow = frozenset({f"127.0.0.1:{receiver.port}", f"127.0.0.1:{slow.port}"})
        async with open_webhook_sender(SenderBounds(private_allow=allow, timeout_s=3.0)) as sender:
            both = Outbox(outbox.world, sender)
            hanging, _ = await both.add(slow.url())
            await both.say(20)
            healthy, _ = await both.add(receiver.url())
            await both.say(5)
            await both.process(in_flight=8, per_webhook=3, rounds=1)()
            assert len(receiver.got) == 3
            assert slow.most_at_once == 3
            assert [one.last_error for one in await both.deliveries(hanging)][:4] == [
                *["no answer within 3 s"] * 3, None
            ]  # fmt: skip
            assert [one.state for one in await both.deliveries(healthy)] == ["delivered"] * 3 + ["pending"] * 2


async def test_one_endpoint_gets_only_so_much_at_once_from_all_processes(outbox: Outbox, receiver: Receiver):
    await outbox.add(receiver.url())
    receiver.pause_s = 0.1
    await outbox.say(30)
    async with asyncio.TaskGroup() as group:
        for _ in range(6):
            group.create_task(outbox.process(per_webhook=2)())
    # Two processes that look at the same moment may each take the bound once.
    assert receiver.most_at_once <= 2 * 6
    await outbox.process(per_webhook=2)()
    assert len({message.headers["webhook-id"] for message in receiver.got}) == 30


async def test_a_process_bounds_what_it_has_under_way_over_all_its_looks(outbox: Outbox, receiver: Receiver):
    await outbox.add(receiver.url())
    receiver.pause_s = 0.05
    await outbox.say(20)
    process = outbox.process(in_flight=3, per_webhook=50)
    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(process())
    assert receiver.most_at_once == 3
    await process()
    assert len(receiver.got) == 20


async def test_during_an_overlap_both_secrets_verify_and_after_it_only_the_new_one(outbox: Outbox, receiver: Receiver):
    webhook, old = await outbox.add(receiver.url())
    change = ChangeWebhook(outbox.world.store, outbox.sender, outbox.clock)
    once = Once(key=None, route="", body_sha256=b"", status=200, render=lambda made: {"id": str(made.id)})
    _, fresh = await change.rotate_secret(webhook.tenant_id, webhook.id, overlap=timedelta(hours=1), once=once)
    await outbox.say()
    await outbox.process()()
    message = receiver.got[-1]
    assert message.headers["webhook-signature"].count("v1,") == 2
    for key in (old, fresh):
        Verifier(key).verify(message.body, message.headers)
    outbox.clock.pass_(timedelta(hours=1))
    await outbox.say()
    await outbox.process()()
    assert receiver.got[-1].headers["webhook-signature"].count("v1,") == 1


async def test_a_private_address_is_refused_at_delivery_though_it_was_public_before(world: World, receiver: Receiver):
    answers = iter(["93.184.215.14", "127.0.0.1"])

    async def moving(_host: str, _port: int, _family: int) -> list[tuple[int, str]]:
        return [(2, next(answers))]

    async with open_webhook_sender(SenderBounds(timeout_s=2.0), lookup=moving) as sender:
        outbox = Outbox(world, sender)
        await sender.check(receiver.url("hooks.test"))
        webhook, _ = await outbox.add(receiver.url("hooks.test"))
        await outbox.say()
        await outbox.process()()
    (delivery,) = await outbox.deliveries(webhook)
    assert (delivery.state, delivery.last_status) == ("pending", None)
    assert delivery.last_error == "hooks.test is not on the public internet"
    assert receiver.got == []


async def test_a_deleted_conversation_takes_its_deliveries_along(outbox: Outbox, receiver: Receiver):
    webhook, _ = await outbox.add(receiver.url())
    await outbox.say()
    async with outbox.world.store.system_transaction() as uow:
        await uow.sessions.delete(outbox.world.tenant_id, outbox.world.session.id)
    assert await outbox.deliveries(webhook) == []
    assert await outbox.process()() == 0


async def test_old_deliveries_are_forgotten_with_their_logs(outbox: Outbox, receiver: Receiver):
    webhook, _ = await outbox.add(receiver.url())
    await outbox.say()
    await outbox.process()()
    await outbox.say()
    async with outbox.world.store.system_transaction() as uow:
        assert await uow.deliveries.purge(older_than=timedelta(days=1)) == 0
        assert await uow.deliveries.purge(older_than=timedelta(days=-1)) == 1
    assert [one.state for one in await outbox.deliveries(webhook)] == ["pending"]


async def test_bodies_are_what_the_api_shows(outbox: Outbox, receiver: Receiver, store: Store):
    await outbox.add(receiver.url())
    await outbox.say()
    await outbox.process()()
    (event,) = await outbox.world.log()
    assert json.loads(receiver.got[0].body)["data"] == event.model_dump(mode="json")
    assert UUID(receiver.got[0].headers["webhook-id"])


async def test_agents_of_other_tenants_cannot_be_filtered_for(outbox: Outbox, receiver: Receiver, store: Store):
    stranger = await make_world(store, "umbrella")
    with pytest.raises(ConflictError):
        await outbox.add(receiver.url(), agent_id=stranger.agent.id)
