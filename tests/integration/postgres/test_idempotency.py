"""One row for one Idempotency-Key, however often and however parallel it is sent."""

import asyncio
import contextlib
from datetime import timedelta

import pytest

from hortus_server.domain.errors import ConflictError, IdempotencyMismatchError, NotFoundError
from hortus_server.services.purge_keys import PurgeKeys

ROUTE = "POST /v1/agents"
BODY = b"\x01" * 32


async def create_once(world, key="k", body=BODY, route=ROUTE, hold_s=0.0):
    async with world.store.system_transaction() as uow:
        answer = await uow.idempotency.begin(world.tenant_id, key, route=route, body_sha256=body)
        if answer is not None:
            return answer
        session = await uow.sessions.add(world.tenant_id, agent_id=world.agent.id, title="made", metadata={})
        await asyncio.sleep(hold_s)
        await uow.idempotency.complete(
            world.tenant_id, key, route=route, answer={"status": 201, "body": {"id": str(session.id)}}
        )
        return {"status": 201, "body": {"id": str(session.id)}}


async def count_made(world):
    async with world.store.system_transaction() as uow:
        page = await uow.sessions.list(world.tenant_id, type("P", (), {"limit": 200, "cursor": None}))
    return sum(session.title == "made" for session in page.items)


async def test_parallel_creates_with_one_key_make_one_row_and_get_one_answer(world):
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(create_once(world, hold_s=0.2)) for _ in range(5)]
    answers = [task.result() for task in tasks]
    assert await count_made(world) == 1
    assert all(answer == answers[0] for answer in answers)


async def test_a_second_caller_goes_on_when_the_first_rolls_back(world):
    async def fail():
        async with world.store.system_transaction() as uow:
            await uow.idempotency.begin(world.tenant_id, "k", route=ROUTE, body_sha256=BODY)
            await asyncio.sleep(0.2)
            raise ZeroDivisionError

    failing = asyncio.create_task(fail())
    await asyncio.sleep(0.1)
    answer = await create_once(world)
    with pytest.raises(ZeroDivisionError):
        await failing
    assert answer["status"] == 201
    assert await count_made(world) == 1


async def test_another_body_is_a_mismatch_and_another_route_is_not(world):
    await create_once(world)
    with pytest.raises(IdempotencyMismatchError):
        await create_once(world, body=b"\x02" * 32)
    await create_once(world, route="POST /v1/tools", body=b"\x02" * 32)
    assert await count_made(world) == 2


async def test_keys_of_tenants_do_not_meet(world, other):
    await create_once(world)
    await create_once(other)
    assert (await count_made(world), await count_made(other)) == (1, 1)


async def test_a_key_without_an_answer_is_a_conflict(world):
    async with world.store.system_transaction() as uow:
        await uow.idempotency.begin(world.tenant_id, "k", route=ROUTE, body_sha256=BODY)
    with pytest.raises(ConflictError):
        await create_once(world)


async def test_an_answer_to_no_reservation_is_refused(world):
    async with world.store.system_transaction() as uow:
        with pytest.raises(NotFoundError):
            await uow.idempotency.complete(world.tenant_id, "k", route=ROUTE, answer={})


async def test_purge_forgets_only_old_keys(world):
    await create_once(world)
    async with world.store.system_transaction() as uow:
        assert await uow.idempotency.purge(older_than=timedelta(hours=1), limit=9) == 0
    await asyncio.sleep(0.01)
    async with world.store.system_transaction() as uow:
        assert await uow.idempotency.purge(older_than=timedelta(0), limit=9) == 1
    await create_once(world)
    assert await count_made(world) == 2


async def test_a_round_of_purging_takes_a_bounded_number_of_keys_and_the_next_goes_on(world):
    for number in range(7):
        async with world.store.system_transaction() as uow:
            await uow.idempotency.begin(world.tenant_id, f"k{number}", route=ROUTE, body_sha256=bytes(32))
            await uow.idempotency.complete(world.tenant_id, f"k{number}", route=ROUTE, answer={"n": number})

    async def kept():
        answers = []
        for number in range(7):
            with contextlib.suppress(ZeroDivisionError):
                async with world.store.system_transaction() as uow:
                    answers.append(
                        await uow.idempotency.begin(world.tenant_id, f"k{number}", route=ROUTE, body_sha256=bytes(32))
                    )
                    raise ZeroDivisionError
        return [answer["n"] for answer in answers if answer is not None]

    await asyncio.sleep(0.01)
    purge = PurgeKeys(world.store, timedelta(0), batch=2, batches=2)
    await purge()
    assert await kept() == [4, 5, 6]
    await purge()
    assert await kept() == []
