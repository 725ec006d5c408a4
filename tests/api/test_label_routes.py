"""Operators raise by hand how sensitive things count."""

from uuid import UUID

import pytest
from backends import Caller, is_problem
from serving import MakeCaller
from store_world import World, make_memory

from hortus_agents.spec import AgentSpec
from hortus_server.ports.store import Store

RAISE = {"sensitivity": 2, "reason": "holds patients' names"}


@pytest.fixture
async def memory_id(admin: Caller, store: Store) -> UUID:
    async with store.system_transaction() as uow:
        tenant = await uow.tenants.ensure_tenant("acme")
        agent, version = await uow.agents.add(tenant.id, name="a", description="", spec=AgentSpec())
        session = await uow.sessions.add(tenant.id, agent_id=agent.id, title="", metadata={})
    run = await World(store, tenant, agent, version, session).submit("x")
    memory = make_memory(run)
    async with store.system_transaction() as uow:
        await uow.memories.add(memory)
    return memory.id


async def test_a_tenant_and_its_tools_are_raised_and_taken_back(admin: Caller, stranger: Caller):
    assert (await admin.get("/v1/labels")).json() == {"tenant": None, "tools": []}
    raised = (await admin.call("PUT", "/v1/labels/tenant", json=RAISE)).json()["tenant"]
    assert (raised["sensitivity"], raised["reason"], raised["set_by"]) == (2, RAISE["reason"], "test")
    tools = (await admin.call("PUT", "/v1/labels/tools/http_get", json={**RAISE, "sensitivity": 1})).json()["tools"]
    assert [(one["tool"], one["sensitivity"]) for one in tools] == [("http_get", 1)]
    assert (await stranger.get("/v1/labels")).json() == {"tenant": None, "tools": []}
    for path in ("/v1/labels/tenant", "/v1/labels/tools/http_get"):
        assert (await admin.call("PUT", path, json={"sensitivity": 0, "reason": "over"})).status_code == 200
    assert (await admin.get("/v1/labels")).json() == {"tenant": None, "tools": []}


async def test_a_memory_is_raised_and_lists_show_it(admin: Caller, memory_id: UUID, stranger: Caller):
    path = f"/v1/memories/{memory_id}/sensitivity"
    assert (await admin.call("PUT", path, json=RAISE)).json()["sensitivity_floor"] == 2
    assert [one["sensitivity_floor"] for one in (await admin.get("/v1/memories")).json()["items"]] == [2]
    is_problem(await stranger.call("PUT", path, json=RAISE), 404, "not_found")
    (entry,) = (await admin.get("/v1/audit", params={"subject": f"memory:{memory_id}"})).json()["items"]
    assert (entry["action"], entry["detail"]["after"]) == ("sensitivity.raised", 2)


async def test_only_operators_say_it_and_always_why(make_caller: MakeCaller, memory_id: UUID, admin: Caller):
    developer = await make_caller("memories:write", "tools:write", "policies:read", "agents:write")
    for path in ("/v1/labels/tenant", "/v1/labels/tools/http_get", f"/v1/memories/{memory_id}/sensitivity"):
        is_problem(await developer.call("PUT", path, json=RAISE), 403, "forbidden")
        for wrong in ({"sensitivity": 2}, {"sensitivity": 3, "reason": "x"}, {"sensitivity": 2, "reason": " "}):
            is_problem(await admin.call("PUT", path, json=wrong), 422, "invalid_request")
    assert (await developer.get("/v1/labels")).status_code == 200


async def test_a_simulation_counts_it(admin: Caller):
    rules = [{"name": "secret", "tools": ["send_mail"], "effect": "deny", "sensitive": True, "reason": "confidential"}]
    await admin.post("/v1/policies", {"name": "house", "rules": rules})
    asked = {"call": {"tool": "send_mail", "arguments": {"to": "bob@example.org"}}}
    before = (await admin.post("/v1/policies:simulate", asked)).json()["items"][0]["current"]
    await admin.call("PUT", "/v1/labels/tenant", json=RAISE)
    after = (await admin.post("/v1/policies:simulate", asked)).json()["items"][0]["current"]
    assert (before["effect"], after["effect"], after["rule"]) == ("approve", "deny", "secret")
