"""What is asked together travels together."""

import asyncio
import contextlib

import psycopg
import pytest

from hortus_server.adapters.postgres import messages
from hortus_server.adapters.postgres.messages import Messages
from hortus_server.domain.errors import NotFoundError
from hortus_server.domain.ids import SessionId, new_id

CONNECTIONS = 4  # as many as the pool may have opened by then; each prepares for itself


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every message from now on."""
    seen: list[str] = []
    execute = psycopg.AsyncCursor.execute

    async def noted(self, query, *args, **kwargs):
        seen.append(query.decode())
        return await execute(self, query, *args, **kwargs)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", noted)
    return seen


async def ask(world, *, wait: bool = False):
    async with world.store.transaction(world.tenant_id) as uow:
        agent = uow.agents.get(world.tenant_id, world.agent.id)
        session = uow.sessions.get(world.tenant_id, world.session.id)
        if wait:
            await agent
    return agent.result(), session.result()


async def test_a_transaction_is_one_message_once_its_statements_are_prepared(world, sent):
    for _ in range(CONNECTIONS):
        await ask(world)
    sent.clear()
    assert await ask(world) == (world.agent, world.session)
    (message,) = sent
    assert message.startswith("BEGIN")
    assert message.count("EXECUTE") == 2
    assert message.endswith("COMMIT")


async def test_the_first_answer_that_is_awaited_sends_what_was_asked(world, sent):
    for _ in range(CONNECTIONS):
        await ask(world)
    sent.clear()
    await ask(world, wait=True)
    assert [message.count("EXECUTE") for message in sent] == [2, 0]


async def test_a_transaction_that_asks_nothing_sends_nothing(world, sent):
    async with world.store.transaction(world.tenant_id):
        pass
    assert sent == []


async def test_an_answer_that_never_came_is_not_made_up(world):
    asked = []
    with contextlib.suppress(ZeroDivisionError):
        async with world.store.transaction(world.tenant_id) as uow:
            asked.append(uow.sessions.get(world.tenant_id, world.session.id))
            raise ZeroDivisionError
    with pytest.raises(RuntimeError):
        asked[0].result()


async def test_who_asks_too_late_for_what_is_not_there_is_told(world):
    async with world.store.transaction(world.tenant_id) as uow:
        asked = uow.sessions.get(world.tenant_id, SessionId(new_id()))
    with pytest.raises(NotFoundError):
        asked.result()


async def test_statements_used_least_lately_make_room(world, sent, monkeypatch):
    monkeypatch.setattr(messages, "PREPARED_AT_MOST", 1)
    for _ in range(3):
        await ask(world)
    assert any("DEALLOCATE" in message for message in sent)


async def test_a_cancelled_message_leaves_a_connection_that_works(world, monkeypatch):
    execute = Messages._execute

    async def slowly(self, texts):
        return await execute(self, [*texts, b"SELECT pg_sleep(5)"])

    with monkeypatch.context() as patched:
        patched.setattr(Messages, "_execute", slowly)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await ask(world, wait=True)
    for _ in range(2 * CONNECTIONS):
        assert await ask(world) == (world.agent, world.session)
