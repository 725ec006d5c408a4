"""Evolved tools and memories."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from backends import Caller, WordIndex, is_problem

from hortus_server.api.edge import EdgePorts
from hortus_server.domain.ids import AgentId, MemoryId, RunId, SessionId, ToolId, ToolVersionId, new_id
from hortus_server.domain.records import Memory, ToolVersion
from hortus_server.ports.store import Store


async def run_of(admin: Caller) -> dict[str, str]:
    await admin.agent()
    return (await admin.post("/v1/runs", {"agent": "helper", "input": "x"})).json()


@pytest.fixture
async def tool(admin: Caller, store: Store) -> ToolVersion:
    run = await run_of(admin)
    source = "def roman(n):\n    return 'I' * n\n"
    draft = ToolVersion(
        id=ToolVersionId(new_id()), tenant_id=admin.tenant_id, tool_id=ToolId(new_id()), version=1, state="proposed",
        description="Roman numerals", parameters={"type": "object"}, returns={"type": "string"}, function="roman",
        source=source, source_sha256="0" * 64, tests=({"arguments": {"n": 1}, "expected": "I"},), test_report=None,
        origin_run_id=RunId(run["id"]), origin_call_id="call-1", uses=0, failures=0, created_at=datetime.now(UTC),
        activated_at=None,
    )  # fmt: skip
    async with store.system_transaction() as uow:
        version = await uow.tools.propose(admin.tenant_id, version=draft, name="roman")
        report = {"passed": True, "cases": list(draft.tests), "detail": "ok"}
        await uow.tools.record_test(admin.tenant_id, version.id, state="tested", report=report)
        await uow.tools.record_gates(admin.tenant_id, version.id, scan={"passed": True}, negative={"passed": True})
        return await uow.tools.activate(admin.tenant_id, version.id)


async def test_a_tool_shows_its_versions_source_and_tests_and_can_be_disabled(admin: Caller, tool: ToolVersion):
    listed = (await admin.get("/v1/tools")).json()["items"]
    assert [(one["name"], one["active_version"]) for one in listed] == [("roman", 1)]
    assert (await admin.get("/v1/tools/roman")).json() == (await admin.get(f"/v1/tools/{tool.tool_id}")).json()
    versions = (await admin.get("/v1/tools/roman/versions")).json()["items"]
    assert "source" not in versions[0]
    one = (await admin.get("/v1/tools/roman/versions/1")).json()
    assert one["source"] == tool.source
    assert one["tests"] == [{"arguments": {"n": 1}, "expected": "I"}]
    assert one["test_report"]["passed"] is True
    is_problem(await admin.get("/v1/tools/roman/versions/2"), 404, "not_found")
    disabled = await admin.post("/v1/tools/roman/disable", {"reason": "wrong above 3"})
    assert disabled.json()["active_version"] is None
    is_problem(await admin.post("/v1/tools/roman/disable", {}), 422, "invalid_request")
    is_problem(await admin.post("/v1/tools/none/disable", {"reason": "x"}), 404, "not_found")


async def test_a_version_says_what_happens_to_its_interrupted_calls(admin: Caller, stranger: Caller, tool: ToolVersion):
    path = "/v1/tools/roman/versions/1/in-doubt"
    assert (await admin.get("/v1/tools/roman/versions/1")).json()["in_doubt"] == "rerun"
    assert (await admin.post(path, {"policy": "ask"})).json()["in_doubt"] == "ask"
    assert (await admin.get("/v1/tools/roman/versions/1")).json()["in_doubt"] == "ask"
    is_problem(await admin.post(path, {"policy": "probe"}), 422, "invalid_request")
    is_problem(await admin.post("/v1/tools/roman/versions/9/in-doubt", {"policy": "ask"}), 404, "not_found")
    is_problem(await stranger.post(path, {"policy": "rerun"}), 404, "not_found")


async def test_tools_of_another_tenant_are_absent(stranger: Caller, tool: ToolVersion):
    assert (await stranger.get("/v1/tools")).json()["items"] == []
    for path in ("/v1/tools/roman", f"/v1/tools/{tool.tool_id}", "/v1/tools/roman/versions/1"):
        is_problem(await stranger.get(path), 404, "not_found")
    is_problem(await stranger.post("/v1/tools/roman/disable", {"reason": "x"}), 404, "not_found")


@pytest.fixture
async def memory(admin: Caller, store: Store, ports: EdgePorts) -> Memory:
    run = await run_of(admin)
    now = datetime.now(UTC)
    remembered = Memory(
        id=MemoryId(uuid4()), tenant_id=admin.tenant_id, agent_id=AgentId(run["agent_id"]),
        session_id=SessionId(run["session_id"]), run_id=RunId(run["id"]), kind="episode", visibility="tenant",
        title="Roman numerals", content="The user asked for MCMXCIV", source_first_seq=1, source_last_seq=3,
        occurred_at=now, created_at=now, indexed_at=now,
    )  # fmt: skip
    async with store.system_transaction() as uow:
        await uow.memories.add(remembered)
    assert isinstance(ports.index, WordIndex)
    ports.index.texts[remembered.id] = "roman numerals"
    return remembered


async def test_memories_are_listed_found_and_read_with_their_origin(admin: Caller, memory: Memory):
    listed = (await admin.get(f"/v1/memories?agent_id={memory.agent_id}")).json()["items"]
    assert [one["title"] for one in listed] == ["Roman numerals"]
    assert (await admin.get(f"/v1/memories?agent_id={uuid4()}")).json()["items"] == []
    found = (await admin.get("/v1/memories/search?q=roman+history&agent=helper")).json()
    assert found["low_confidence"] is False
    assert [(one["score"], one["memory"]["id"]) for one in found["items"]] == [(0.5, str(memory.id))]
    one = (await admin.get(f"/v1/memories/{memory.id}")).json()
    assert (one["source_first_seq"], one["source_last_seq"]) == (1, 3)
    nothing = (await admin.get("/v1/memories/search?q=weather")).json()
    assert nothing == {"items": [], "low_confidence": True}
    is_problem(await admin.get("/v1/memories/search"), 422, "invalid_request")
    is_problem(await admin.get("/v1/memories/search?q=x&agent=nobody"), 404, "not_found")


async def test_a_memory_is_edited_and_found_by_its_new_words(admin: Caller, memory: Memory, ports: EdgePorts):
    path = f"/v1/memories/{memory.id}"
    edited = (await admin.call("PATCH", path, json={"content": "The user asked for the year 1994"})).json()
    assert (edited["title"], edited["content"]) == (memory.title, "The user asked for the year 1994")
    assert (edited["source_first_seq"], edited["run_id"]) == (memory.source_first_seq, str(memory.run_id))
    found = (await admin.get("/v1/memories/search?q=year+1994")).json()["items"]
    assert [(one["memory"]["content"], one["why"]["coverage"]) for one in found] == [(edited["content"], 1.0)]
    entry = (await admin.get("/v1/audit?action=memory.edited")).json()["items"][0]
    assert entry["subject"] == f"memory:{memory.id}"
    assert set(entry["detail"]) == {"before_sha256", "after_sha256"}
    is_problem(await admin.call("PATCH", path, json={"content": "  "}), 422, "invalid_request")
    assert isinstance(ports.index, WordIndex)
    ports.index.is_down = True
    is_problem(await admin.call("PATCH", path, json={"content": "half done"}), 503, "unavailable")
    assert (await admin.get(path)).json()["content"] == edited["content"]


async def test_a_deleted_memory_is_gone_from_rows_and_index(admin: Caller, memory: Memory, ports: EdgePorts):
    assert (await admin.delete(f"/v1/memories/{memory.id}")).status_code == 204
    is_problem(await admin.get(f"/v1/memories/{memory.id}"), 404, "not_found")
    is_problem(await admin.delete(f"/v1/memories/{memory.id}"), 404, "not_found")
    assert isinstance(ports.index, WordIndex)
    assert ports.index.texts == {}


async def test_a_memory_deleted_while_the_index_is_down_is_never_found_again(
    admin: Caller, memory: Memory, ports: EdgePorts
):
    assert isinstance(ports.index, WordIndex)
    ports.index.is_down = True
    is_problem(await admin.get("/v1/memories/search?q=roman"), 503, "unavailable")
    assert (await admin.delete(f"/v1/memories/{memory.id}")).status_code == 204
    ports.index.is_down = False
    assert (await admin.get("/v1/memories/search?q=roman")).json()["items"] == []


async def test_deleting_a_session_forgets_its_memories(admin: Caller, memory: Memory, ports: EdgePorts):
    await admin.post(f"/v1/runs/{memory.run_id}/cancel")
    assert (await admin.delete(f"/v1/sessions/{memory.session_id}")).status_code == 204
    is_problem(await admin.get(f"/v1/memories/{memory.id}"), 404, "not_found")
    assert isinstance(ports.index, WordIndex)
    assert ports.index.texts == {}


async def test_memories_of_another_tenant_are_absent(stranger: Caller, memory: Memory):
    await stranger.agent()
    assert (await stranger.get("/v1/memories")).json()["items"] == []
    is_problem(await stranger.get(f"/v1/memories/{memory.id}"), 404, "not_found")
    is_problem(await stranger.delete(f"/v1/memories/{memory.id}"), 404, "not_found")
    is_problem(await stranger.call("PATCH", f"/v1/memories/{memory.id}", json={"title": "mine"}), 404, "not_found")
    # The index of this test knows no tenants: even then the rows decide.
    assert (await stranger.get("/v1/memories/search?q=roman")).json()["items"] == []
