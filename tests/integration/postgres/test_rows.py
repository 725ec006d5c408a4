"""What each repository promises beyond lists: keys, agents, sessions, memories, artifacts, amounts."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from store_world import PageOf, make_memory, make_tool_version, thought

from hortus_agents.events import KeptFile, NewEvent, ToolFinished
from hortus_agents.labels import Label
from hortus_agents.limits import RunLimits
from hortus_agents.spec import AgentSpec
from hortus_server.domain.errors import ConflictError, InvalidInputError, NotFoundError


async def test_a_tenant_is_made_once(world):
    async with world.store.system_transaction() as uow:
        assert await uow.tenants.ensure_tenant("acme") == world.tenant


async def test_a_key_is_found_by_its_hash_and_told_of_its_use_once_a_minute(world, database_settings):
    expires = datetime(2031, 1, 1, tzinfo=UTC)
    async with world.store.system_transaction() as uow:
        made = await uow.tenants.add_key(
            world.tenant_id, name="ci", prefix="hk_ab", secret_sha256=b"s" * 32,
            scopes=["runs:read", "runs:write"], expires_at=expires,
        )  # fmt: skip
        assert await uow.tenants.find_key(b"t" * 32) is None
        assert await uow.tenants.find_key(b"s" * 32) == made
        assert (made.scopes, made.expires_at, made.last_used_at) == (("runs:read", "runs:write"), expires, None)
    async with world.store.system_transaction() as uow:
        await uow.tenants.touch_key(made.id)
    used = []
    for _ in range(2):
        async with world.store.system_transaction() as uow:
            await uow.tenants.touch_key(made.id)
            used.append((await uow.tenants.find_key(b"s" * 32)).last_used_at)
    assert used[0] is not None
    assert used[0] == used[1]


async def test_revoking_keeps_the_first_time(world):
    async with world.store.system_transaction() as uow:
        made = await uow.tenants.add_key(
            world.tenant_id, name="ci", prefix="hk", secret_sha256=b"s" * 32, scopes=["admin"], expires_at=None
        )
    seen = []
    for _ in range(2):
        async with world.store.system_transaction() as uow:
            seen.append(await uow.tenants.revoke_key(world.tenant_id, made.id))
    assert seen[0].revoked_at == seen[1].revoked_at is not None
    async with world.store.system_transaction() as uow:
        assert await uow.tenants.list_keys(world.tenant_id) == (seen[1],)
        assert await uow.tenants.revoke_key(world.tenant_id, uuid4()) is None


async def test_an_agents_name_is_taken_once_and_the_transaction_lives_on(world):
    async with world.store.system_transaction() as uow:
        with pytest.raises(ConflictError):
            await uow.agents.add(world.tenant_id, name="gardener", description="", spec=AgentSpec())
        assert await uow.agents.get(world.tenant_id, "gardener") == world.agent


async def test_versions_are_numbered_without_gaps_by_parallel_writers(world):
    async def add():
        async with world.store.system_transaction() as uow:
            return await uow.agents.add_version(world.tenant_id, world.agent.id, AgentSpec(instructions="Dig."))

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(add()) for _ in range(6)]
    assert sorted(task.result().version for task in tasks) == [2, 3, 4, 5, 6, 7]
    async with world.store.system_transaction() as uow:
        assert (await uow.agents.get(world.tenant_id, world.agent.id)).current_version == 7


async def test_pinning_goes_back_and_the_next_version_goes_on_from_the_newest(world):
    async with world.store.system_transaction() as uow:
        await uow.agents.add_version(world.tenant_id, world.agent.id, AgentSpec(instructions="Dig."))
        assert (await uow.agents.pin(world.tenant_id, world.agent.id, 1)).current_version == 1
        with pytest.raises(NotFoundError):
            await uow.agents.pin(world.tenant_id, world.agent.id, 3)
        third = await uow.agents.add_version(world.tenant_id, world.agent.id, AgentSpec(instructions="Sow."))
        assert third.version == 3
        assert (await uow.agents.get_version(world.tenant_id, world.agent.id, 3)).spec.instructions == "Sow."


async def test_a_spec_comes_back_whole(world):
    spec = AgentSpec(
        instructions="é", tools=("python",), limits=RunLimits(steps=3), http_allow=("example.org",), temperature=0.5
    )
    async with world.store.system_transaction() as uow:
        _, version = await uow.agents.add(world.tenant_id, name="b", description="d", spec=spec)
    async with world.store.system_transaction() as uow:
        assert (await uow.agents.get_version(world.tenant_id, version.agent_id, 1)).spec == spec


async def test_deleting_a_session_takes_log_runs_and_memories_with_it(world, database_settings):
    run = await world.submit()
    claim = await world.claim(run)
    await world.append(claim, thought())
    memory = make_memory(run)
    async with world.store.system_transaction() as uow:
        assert await uow.memories.add(memory)
        with pytest.raises(ConflictError):
            await uow.sessions.delete(world.tenant_id, world.session.id)
    await world.finish(claim)
    kept = await world.submit(session=await world.another_session())
    async with world.store.system_transaction() as uow:
        assert await uow.sessions.delete(world.tenant_id, world.session.id) == (memory.id,)
    async with await psycopg.AsyncConnection.connect(database_settings.url.get_secret_value()) as connection:
        for table in ("events", "runs", "memories"):
            cursor = await connection.execute(
                psycopg.sql.SQL("SELECT count(*) FROM {} WHERE session_id = %s").format(psycopg.sql.Identifier(table)),
                [world.session.id],
            )
            assert await cursor.fetchone() == (0,)
    assert (await world.run(kept.id)).status == "queued"
    async with world.store.system_transaction() as uow:
        with pytest.raises(NotFoundError):
            await uow.sessions.delete(world.tenant_id, world.session.id)


async def test_a_memory_is_stored_once_marked_and_forgotten(world):
    memory = make_memory(await world.submit())
    async with world.store.system_transaction() as uow:
        assert await uow.memories.add(memory)
        assert not await uow.memories.add(memory)
        assert await uow.memories.get(world.tenant_id, memory.id) == memory
        await uow.memories.mark_indexed(world.tenant_id, memory.id)
        assert (await uow.memories.get(world.tenant_id, memory.id)).indexed_at is not None
        await uow.memories.delete(world.tenant_id, memory.id)
        with pytest.raises(NotFoundError):
            await uow.memories.get(world.tenant_id, memory.id)


async def test_memories_are_listed_by_age_though_their_ids_have_no_order(world):
    run = await world.submit()
    made = [make_memory(run, title=str(n), age=timedelta(days=n)) for n in (2, 0, 3, 1)]
    async with world.store.system_transaction() as uow:
        for memory in made:
            await uow.memories.add(memory)
        page = await uow.memories.list(world.tenant_id, PageOf())
    assert [memory.title for memory in page.items] == ["0", "1", "2", "3"]


async def test_an_artifact_is_stored_once_by_its_content(world):
    content = bytes(range(256)) * 300
    async with world.store.system_transaction() as uow:
        first = await uow.artifacts.put(world.tenant_id, content, media_type="application/octet-stream")
        assert await uow.artifacts.put(world.tenant_id, content, media_type="text/plain") == first
        assert await uow.artifacts.get(world.tenant_id, first.sha256) == (first, content)
        assert first.size == len(content)
        with pytest.raises(NotFoundError):
            await uow.artifacts.get(world.tenant_id, "0" * 64)


async def test_an_artifact_is_as_sensitive_as_the_calls_that_left_it(world, other):
    def left(sensitivity: int | None, **by: Any) -> NewEvent:
        label = None if sensitivity is None else Label(origin="tool", trust=1, sensitivity=sensitivity)
        ended = ToolFinished(call_id="c", name="x", outcome="ok", content="", duration_ms=1, label=label, **by)
        return NewEvent(payload=ended)

    file = (KeptFile(name="a", sha256="b" * 64, size=1),)
    session = await world.another_session()
    async with world.store.system_transaction() as uow:
        entries = [left(0, artifact_sha256="a" * 64), left(2, files=file), left(None, artifact_sha256="c" * 64)]
        await uow.events.append(world.tenant_id, session.id, entries)
        found = [await uow.artifacts.sensitivity(world.tenant_id, letter * 64) for letter in "abcd"]
        assert found == [0, 2, 1, None]
        await uow.events.append(world.tenant_id, session.id, [left(1, artifact_sha256="a" * 64)])
        assert await uow.artifacts.sensitivity(world.tenant_id, "a" * 64) == 1
        assert await uow.artifacts.sensitivity(other.tenant_id, "a" * 64) is None


async def test_amounts_count_the_window_and_what_has_not_ended(world):
    await world.finish(await world.claim(await world.submit()))
    await world.claim(await world.submit(session=await world.another_session()))
    for _ in range(3):
        await world.submit(session=await world.another_session())
    async with world.store.system_transaction() as uow:
        counts = await uow.statistics.overview(world.tenant_id, window=timedelta(hours=1))
        none = await uow.statistics.overview(world.tenant_id, window=timedelta(0))
    assert counts.runs_by_status == {"queued": 3, "running": 1, "succeeded": 1}
    assert (counts.agents, counts.sessions, counts.tools_active, counts.memories, counts.tokens) == (1, 5, 0, 0, 7)
    assert none.runs_by_status == {"queued": 3, "running": 1}
    assert none.tokens == 0


async def test_a_history_has_every_period_and_what_ended_in_it(world):
    first = await world.submit()
    await world.claim(first, lease=timedelta(0))
    await world.finish(await world.claim(first, "w2"))
    tool = make_tool_version(world.tenant_id, run_id=first.id, call_id="c1")
    async with world.store.system_transaction() as uow:
        stored = await uow.tools.propose(world.tenant_id, version=tool, name="adder")
        await uow.tools.record_test(world.tenant_id, stored.id, state="tested", report={"passed": True})
        await uow.tools.record_gates(world.tenant_id, stored.id, scan={"passed": True}, negative={"passed": True})
        await uow.tools.activate(world.tenant_id, stored.id)
        for call, ok in (("a", True), ("b", False)):
            await uow.tools.record_use(world.tenant_id, stored.id, run_id=first.id, call_id=call, ok=ok)
        for width, hours in (("hour", 1), ("day", 24)):
            history = await uow.statistics.history(world.tenant_id, width=width, periods=5)
            assert [b.at - a.at for a, b in pairwise(history)] == [timedelta(hours=hours)] * 4
            total = {name: sum(getattr(period, name) for period in history) for name in ("succeeded", "failed")}
            ended = next(period for period in history if period.succeeded)
            assert total == {"succeeded": 1, "failed": 0}
            assert (ended.tokens, ended.reclaimed, ended.tool_runs, ended.tool_uses, ended.tool_failures) == (
                7, 1, 1, 2, 1,
            )  # fmt: skip
            assert ended.took_p50_s is not None
            assert [period.tools for period in history] == [0, 0, 0, 0, 1]
        uses = await uow.statistics.tool_uses(world.tenant_id, stored.tool_id, limit=9)
    assert {(use.run_id, use.version, use.ok) for use in uses} == {(first.id, 1, True), (first.id, 1, False)}


async def test_text_that_postgresql_cannot_hold_is_the_callers_error(world):
    with pytest.raises(InvalidInputError):
        async with world.store.system_transaction() as uow:
            await uow.sessions.add(world.tenant_id, agent_id=world.agent.id, title="a\x00b", metadata={})
    with pytest.raises(InvalidInputError):
        async with world.store.system_transaction() as uow:
            await uow.sessions.add(world.tenant_id, agent_id=world.agent.id, title="", metadata={"a": "\x00"})


async def test_nothing_of_a_failed_block_remains(world):
    made = []

    async def fail():
        async with world.store.system_transaction() as uow:
            made.append(await uow.sessions.add(world.tenant_id, agent_id=world.agent.id, title="t", metadata={}))
            assert await uow.sessions.get(world.tenant_id, made[0].id) == made[0]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with world.store.system_transaction() as uow:
        with pytest.raises(NotFoundError):
            await uow.sessions.get(world.tenant_id, made[0].id)
