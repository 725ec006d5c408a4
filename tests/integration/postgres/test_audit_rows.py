"""The audit log's rows: chained in the transaction of what they tell of, never changed."""

import asyncio
from dataclasses import replace

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from hortus_server.domain.audit import NO_HASH, SYSTEM, Actor, NewAuditEntry, entry_body, entry_hash
from hortus_server.domain.ids import TenantId
from hortus_server.services.verify_audit import verify_audit


def entry(tenant_id: TenantId, action: str = "thing.done", **detail) -> NewAuditEntry:
    return NewAuditEntry(tenant_id, Actor("key", "k1", "Käthe"), action, "thing:1", detail)


async def stored(settings, tenant_id):
    async with await psycopg.AsyncConnection.connect(settings.url.get_secret_value()) as connection:
        cursor = await connection.execute(
            "SELECT seq, at, actor_kind, actor_id, actor_name, action, subject, detail::text, previous_hash, hash"
            " FROM audit_log WHERE tenant_id = %s ORDER BY seq",
            [tenant_id],
        )
        return await cursor.fetchall()


async def test_entries_form_a_chain_whose_hashes_anybody_can_compute(store, world, database_settings):
    async with store.system_transaction() as uow:
        await uow.audit.append(entry(world.tenant_id, "first.done", b=2, a=1.5, ö="ü\\u0000"))
        await uow.audit.append(NewAuditEntry(world.tenant_id, SYSTEM, "second.done", "thing:2"))
    previous, last_at = NO_HASH, None
    found = await stored(database_settings, world.tenant_id)
    for number, (seq, at, kind, who, name, action, subject, detail, before, digest) in enumerate(found, start=1):
        assert (seq, before) == (number, previous)
        body = entry_body(Actor(kind, who, name), action, subject, detail)
        assert digest == entry_hash(world.tenant_id, seq, at, before, body)
        assert last_at is None or at >= last_at
        previous, last_at = digest, at
    assert [row[5] for row in found] == ["first.done", "second.done"]


async def test_what_is_told_once_is_in_the_log_once_however_often_and_by_however_many_it_is_told(
    store, world, other, database_settings
):
    async def tell(tenant_id: TenantId, **detail: object) -> None:
        async with store.system_transaction() as uow:
            await uow.audit.append(replace(entry(tenant_id, at_the="time", **detail), once=("version",)))
            await uow.audit.append(entry(tenant_id, "else.done"))

    async with asyncio.TaskGroup() as group:
        for _ in range(6):
            group.create_task(tell(world.tenant_id, version=1))
    await tell(world.tenant_id, version=2)
    await tell(other.tenant_id, version=1)
    told = [row for row in await stored(database_settings, world.tenant_id) if row[5] == "thing.done"]
    assert [row[7] for row in told] == ['{"at_the":"time","version":1}', '{"at_the":"time","version":2}']
    assert len(await stored(database_settings, world.tenant_id)) == 2 + 7
    assert len(await stored(database_settings, other.tenant_id)) == 2
    assert (await verify_audit(store, world.tenant_id)).intact


async def test_what_is_rolled_back_leaves_no_entry_and_no_gap(store, world, database_settings):
    async def fail() -> None:
        async with store.system_transaction() as uow:
            await uow.audit.append(entry(world.tenant_id))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with store.system_transaction() as uow:
        await uow.audit.append(entry(world.tenant_id, "other.done"))
    assert [(row[0], row[5]) for row in await stored(database_settings, world.tenant_id)] == [(1, "other.done")]


async def test_many_transactions_at_once_make_one_chain_each_tenant(store, world, other, database_settings):
    async def act(number: int) -> None:
        async with store.system_transaction() as uow:
            # In either order: the chains are locked in one order all the same.
            tenants = (world.tenant_id, other.tenant_id)
            for tenant_id in tenants if number % 2 else tenants[::-1]:
                await uow.audit.append(entry(tenant_id, number=number))

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        for number in range(60):
            group.create_task(act(number))
    for tenant_id in (world.tenant_id, other.tenant_id):
        found = await stored(database_settings, tenant_id)
        assert [row[0] for row in found] == list(range(1, 61))
        assert [row[8] for row in found] == [NO_HASH, *(row[9] for row in found[:-1])]
        assert [row[1] for row in found] == sorted(row[1] for row in found)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET action = 'x'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "DELETE FROM audit_heads",
        "TRUNCATE audit_heads",
        "UPDATE audit_heads SET seq = 0",
        "UPDATE audit_heads SET hash = 'x'",
    ],
)
async def test_the_log_takes_no_change(store, world, database_settings, statement):
    async with store.system_transaction() as uow:
        await uow.audit.append(entry(world.tenant_id))
    async with await psycopg.AsyncConnection.connect(database_settings.url.get_secret_value()) as connection:
        with pytest.raises(InsufficientPrivilege, match="audit log"):
            await connection.execute(statement)
    assert len(await stored(database_settings, world.tenant_id)) == 1


async def test_a_detail_too_long_to_keep_is_stood_in_for_by_its_hash(store, world, database_settings):
    async with store.system_transaction() as uow:
        await uow.audit.append(entry(world.tenant_id, text="x" * 20_000))
    (row,) = await stored(database_settings, world.tenant_id)
    assert len(row[7]) < 200
    assert "omitted_chars" in row[7]
