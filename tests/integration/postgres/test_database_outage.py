"""When the database is away, slow or not migrated: a clear error, soon, and no harm afterwards."""

import asyncio
import signal
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from fixtures_postgres import PostgresServer, create_database, settings_for
from psycopg import AsyncConnection
from store_world import make_world, thought

from hortus_server.adapters.postgres.migrations import migrate
from hortus_server.adapters.postgres.store import PostgresStore
from hortus_server.domain.errors import UnavailableError

QUICK_S = 15.0  # on a busy machine; a pool's own patience is twice as long


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    """A server that a test may kill."""
    server = PostgresServer()
    try:
        server.create()
        server.start()
        create_database(server.url, "hortus")
        yield server
    finally:
        server.remove()


async def test_opening_without_a_server_fails_soon_and_names_the_component(unused_port):
    began = time.monotonic()
    nowhere = f"postgresql://u:secret@127.0.0.1:{unused_port}/hortus"
    with pytest.raises(UnavailableError) as caught:
        await PostgresStore.open(settings_for(nowhere, connect_timeout_s=1.0))
    assert time.monotonic() - began < QUICK_S
    assert caught.value.component == "postgresql"
    assert "secret" not in str(caught.value)
    with pytest.raises(UnavailableError):
        await migrate(settings_for(nowhere, connect_timeout_s=1.0))


async def test_a_killed_server_is_unavailable_at_once_and_usable_after_its_restart(own_server):
    settings = settings_for(own_server.url, "hortus", connect_timeout_s=1.0)
    await migrate(settings)
    store = await PostgresStore.open(settings)
    try:
        world = await make_world(store)
        await asyncio.to_thread(own_server.stop, signal.SIGQUIT)
        began = time.monotonic()
        with pytest.raises(UnavailableError):
            await world.submit()
        assert not await store.healthy()
        assert time.monotonic() - began < QUICK_S
        await asyncio.to_thread(own_server.start)
        async with asyncio.timeout(60):
            while not await store.healthy():
                await asyncio.sleep(0.1)
        run = await world.submit()  # no error from a connection of the time before
        assert (await world.run(run.id)).queued_seq == 2
    finally:
        await store.close()


async def test_a_connection_that_the_server_closed_is_not_handed_out(store, database_settings):
    world = await make_world(store)
    async with await AsyncConnection.connect(
        database_settings.url.get_secret_value(), autocommit=True
    ) as administrator:
        cursor = await administrator.execute(
            "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid, 30000)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        (terminated,) = await cursor.fetchone()
    assert terminated >= 1
    assert (await world.submit()).status == "queued"


async def test_a_statement_that_takes_too_long_is_unavailable(store, database_settings):
    hurried = await PostgresStore.open(database_settings.model_copy(update={"statement_timeout_s": 0.2}))
    try:
        world = await make_world(store)
        run = await world.submit()
        async with store.system_transaction() as uow:
            await uow.runs.request_cancel(world.tenant_id, run.id, reason="holds the row")
            with pytest.raises(UnavailableError, match=r"longer than 0\.2 s"):
                await replace(world, store=hurried).claim(run)
    finally:
        await hurried.close()


async def test_who_hangs_in_a_transaction_holds_nobody_up_for_long_and_has_written_nothing(store, database_settings):
    hanging = await PostgresStore.open(database_settings.model_copy(update={"statement_timeout_s": 0.2}))
    try:
        world = await make_world(store)
        run = await world.submit()
        with pytest.raises(UnavailableError):  # noqa: PT012 - the transaction is what fails
            async with hanging.system_transaction() as uow:
                await uow.runs.request_cancel(world.tenant_id, run.id, reason="holds the row")
                assert await world.claim(run) is not None
                await uow.runs.get(world.tenant_id, run.id)
        assert (await world.run(run.id)).cancel_requested_at is None
    finally:
        await hanging.close()


async def test_a_pool_that_is_used_up_is_unavailable_within_its_bound(database_settings):
    settings = database_settings.model_copy(update={"pool_size": 1, "connect_timeout_s": 1.0})
    store = await PostgresStore.open(settings)
    try:
        async with store.system_transaction():
            with pytest.raises(UnavailableError, match="within 1 s"):
                async with store.system_transaction():
                    pytest.fail("there was but one connection")
            assert not await store.healthy()
        assert await store.healthy()
    finally:
        await store.close()


async def test_a_cancelled_wait_gives_its_connection_back_and_leaves_nothing(database_settings):
    store = await PostgresStore.open(database_settings.model_copy(update={"pool_size": 2}))
    try:
        world = await make_world(store)
        claim = await world.claim(await world.submit())
        for _ in range(4):
            async with store.system_transaction() as uow:
                await uow.runs.request_cancel(world.tenant_id, claim.run.id, reason="holds the row")
                waiting = asyncio.create_task(world.append(claim, thought()))
                await asyncio.sleep(0.1)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
        (written,) = await world.append(claim, thought())
        assert [event.seq for event in await world.log()] == list(range(1, written.seq + 1))
        assert written.seq == 4
    finally:
        await store.close()


async def test_a_database_that_was_not_migrated_is_not_healthy_and_says_what_is_missing(empty_database):
    store = await PostgresStore.open(empty_database)
    try:
        with pytest.raises(UnavailableError, match=r"0001_pre_initial\.sql"):
            await store.check_schema()
        assert not await store.healthy()
        await migrate(empty_database)
        assert await store.healthy()
    finally:
        await store.close()
