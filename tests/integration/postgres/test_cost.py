"""What the store must not spend: plans made anew, keys looked up by everyone at once."""

import asyncio
import contextlib

import pytest

from hortus_agents.spec import AgentSpec
from hortus_server.cli.bootstrap import make_key
from hortus_server.domain.errors import NotFoundError
from hortus_server.services.authenticate_key import AuthenticateKey

MORE_THAN_THE_DRIVERS_THRESHOLD = 12  # executions until the driver has the server prepare a statement


async def test_statements_over_the_partitioned_log_are_planned_once(world):
    async with world.store.system_transaction() as uow:
        for _ in range(MORE_THAN_THE_DRIVERS_THRESHOLD):
            await uow.events.list_after(world.tenant_id, world.session.id, after=0, limit=10)
        found = await uow.events._sql._messages._connection.execute(
            "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement LIKE %s", ["%FROM events%"]
        )
        plans = await found.fetchall()
    assert plans
    assert all(generic > 0 and custom == 0 for generic, custom in plans)


async def test_requests_that_miss_the_cache_together_look_a_key_up_once(store, sql_statements):
    secret = await make_key(store, name="busy", scopes=("admin",))
    authenticate = AuthenticateKey(store)
    sql_statements.clear()
    keys = await asyncio.gather(*(authenticate.by_secret(secret) for _ in range(20)))
    assert {key.name for key in keys} == {"busy"}
    assert sum("secret_sha256" in statement for statement in sql_statements) == 1


async def test_a_version_is_read_once_and_another_tenants_never(world, other, sql_statements):
    for _ in range(3):
        async with world.store.system_transaction() as uow:
            found = await uow.agents.get_version(world.tenant_id, world.agent.id, 1)
        assert found == world.version
    assert sum("FROM agent_versions" in statement for statement in sql_statements) == 1
    async with world.store.system_transaction() as uow:
        with pytest.raises(NotFoundError):
            await uow.agents.get_version(other.tenant_id, world.agent.id, 1)


async def test_a_version_that_was_rolled_back_is_forgotten(world):
    with contextlib.suppress(ZeroDivisionError):
        async with world.store.system_transaction() as uow:
            await uow.agents.add_version(world.tenant_id, world.agent.id, AgentSpec(instructions="undone"))
            await uow.agents.get_version(world.tenant_id, world.agent.id, 2)
            raise ZeroDivisionError
    async with world.store.system_transaction() as uow:
        with pytest.raises(NotFoundError):
            await uow.agents.get_version(world.tenant_id, world.agent.id, 2)
