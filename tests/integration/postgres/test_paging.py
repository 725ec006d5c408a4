"""Lists: each row exactly once, one statement a page, cursors that only this server can have made."""

import base64

import pytest
from store_world import PageOf, make_memory, make_tool_version

from hortus_agents.spec import AgentSpec
from hortus_server.domain.errors import InvalidCursorError


async def fill(world):
    for n in range(6):
        async with world.store.system_transaction() as uow:
            await uow.agents.add(world.tenant_id, name=f"a{n}", description="", spec=AgentSpec())
            await uow.agents.add_version(world.tenant_id, world.agent.id, AgentSpec())
            await uow.tools.propose(world.tenant_id, version=make_tool_version(world.tenant_id), name=f"t{n}")
        run = await world.submit(session=await world.another_session())
        async with world.store.system_transaction() as uow:
            await uow.memories.add(make_memory(run))


LISTS = {
    "agents": (lambda u, w, p: u.agents.list(w.tenant_id, p), 7),
    "agent versions": (lambda u, w, p: u.agents.list_versions(w.tenant_id, w.agent.id, p), 7),
    "sessions": (lambda u, w, p: u.sessions.list(w.tenant_id, p), 7),
    "sessions of an agent": (lambda u, w, p: u.sessions.list(w.tenant_id, p, agent_id=w.agent.id), 7),
    "runs": (lambda u, w, p: u.runs.list(w.tenant_id, p), 6),
    "runs by status": (lambda u, w, p: u.runs.list(w.tenant_id, p, status="queued"), 6),
    "runs of an agent": (lambda u, w, p: u.runs.list(w.tenant_id, p, agent_id=w.agent.id, status="queued"), 6),
    "tools": (lambda u, w, p: u.tools.list(w.tenant_id, p), 6),
    "memories": (lambda u, w, p: u.memories.list(w.tenant_id, p), 6),
    "memories of an agent": (lambda u, w, p: u.memories.list(w.tenant_id, p, agent_id=w.agent.id), 6),
}


async def test_pages_hold_each_row_once_newest_first_in_one_statement_each(world, other, sql_statements):
    await fill(world)
    await fill(other)
    for name, (ask, total) in LISTS.items():
        for limit in (1, 3, total, 200):
            seen, cursor, pages = [], None, 0
            sql_statements.clear()
            while True:
                async with world.store.system_transaction() as uow:
                    page = await ask(uow, world, PageOf(limit, cursor))
                pages += 1
                seen += page.items
                assert len(page.items) <= limit
                cursor = page.next_cursor
                if cursor is None:
                    break
            assert len(seen) == len({row.id for row in seen}) == total, (name, limit)
            assert {row.tenant_id for row in seen} == {world.tenant_id}
            assert [row.created_at for row in seen] == sorted((row.created_at for row in seen), reverse=True), name
            assert pages == -(-total // limit), (name, limit)
            assert len(sql_statements) == pages, (name, limit)


async def test_rows_that_arrive_while_paging_do_not_shift_pages(world):
    for _ in range(4):
        await world.another_session()
    async with world.store.system_transaction() as uow:
        first = await uow.sessions.list(world.tenant_id, PageOf(2))
    await world.another_session()
    async with world.store.system_transaction() as uow:
        second = await uow.sessions.list(world.tenant_id, PageOf(9, first.next_cursor))
    assert len(second.items) == 3
    assert not {s.id for s in first.items} & {s.id for s in second.items}


async def test_filters_leave_out_the_rest(world):
    run = await world.submit()
    elsewhere = await world.submit(session=await world.another_session())
    await world.claim(run)
    async with world.store.system_transaction() as uow:
        of_session = await uow.runs.list(world.tenant_id, PageOf(), session_id=world.session.id)
        running = await uow.runs.list(world.tenant_id, PageOf(), status="running")
        queued = await uow.runs.list(world.tenant_id, PageOf(), status="queued")
        of_nobody = await uow.runs.list(world.tenant_id, PageOf(), agent_id=run.id)
    assert [r.id for r in of_session.items] == [r.id for r in running.items] == [run.id]
    assert [r.id for r in queued.items] == [elsewhere.id]
    assert of_nobody.items == ()


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "not a cursor", "é", base64.urlsafe_b64encode(b"1" * 15).decode(), "A" * 23, "A" * 22 + "==", "A" * 4000],
)
async def test_a_foreign_cursor_is_invalid(world, cursor):
    async with world.store.system_transaction() as uow:
        for ask, _ in LISTS.values():
            with pytest.raises(InvalidCursorError):
                await ask(uow, world, PageOf(5, cursor))


async def test_a_cursor_of_another_kind_of_list_is_invalid_or_harmless(world):
    """32 characters that encode a time which no calendar has."""
    beyond = base64.urlsafe_b64encode(b"\x7f" + b"\xff" * 23).decode()
    async with world.store.system_transaction() as uow:
        with pytest.raises(InvalidCursorError):
            await uow.memories.list(world.tenant_id, PageOf(5, beyond))


async def test_words_find_what_holds_all_of_them_and_mean_nothing_else(world, other, monkeypatch):
    invoice = await world.another_session(title="Pay the 100% invoice")
    run = await world.submit(session=invoice)
    await world.another_session(title="Pay nobody")
    await other.another_session(title="Pay the invoice of another tenant")

    async def found(words):
        async with world.store.transaction(world.tenant_id) as uow:
            sessions = await uow.sessions.list(world.tenant_id, PageOf(), words=words)
            runs = await uow.runs.list(world.tenant_id, PageOf(), words=words)
        return [s.title for s in sessions.items], [r.id for r in runs.items]

    assert await found("INVOICE pay") == ([invoice.title], [run.id])
    assert await found("100% _") == ([], [])
    assert await found(str(run.id)[:30]) == ([], [run.id])
    monkeypatch.setattr("hortus_server.adapters.postgres.sessions.SEARCHED", 1)
    assert (await found("invoice"))[0] == []
