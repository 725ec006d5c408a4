"""Who is interrupted while it waits for the database leaves nothing behind that would keep its loop from ending."""

import asyncio

import pytest
from pydantic import SecretStr
from stack_parts import free_port

from hortus_server.adapters.postgres.store import PostgresStore
from hortus_server.settings import DatabaseSettings


async def test_a_cancelled_opening_ends_its_tasks() -> None:
    settings = DatabaseSettings(url=SecretStr(f"postgresql://u@127.0.0.1:{free_port()}/d"))
    others = asyncio.all_tasks()
    opening = asyncio.create_task(PostgresStore.open(settings))
    while asyncio.all_tasks() == others | {opening}:
        await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert asyncio.all_tasks() == others
