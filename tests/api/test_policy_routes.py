"""Policies: write, read, version, roll back, compare, simulate; and who may."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from backends import Caller, is_problem
from serving import MakeCaller

from hortus_agents.errors import ToolFailedError
from hortus_agents.events import NewEvent, ToolCalled
from hortus_agents.spec import AgentSpec
from hortus_agents.tools.builtin.definitions import builtin_definitions
from hortus_agents.tools.builtin.http_get import HttpGetSettings, HttpGetTool
from hortus_agents.tools.port import ToolContext
from hortus_server.domain.ids import RunId, SessionId
from hortus_server.ports.store import Store

DENY = {"name": "no-fetch", "tools": ["http_get"], "effect": "deny", "reason": "not from here"}
ASK = {"name": "ask", "tools": ["http_get"], "effect": "approve"}


async def write(admin: Caller, *rules: Any, name: str = "house", **more: Any) -> dict[str, Any]:
    answer = await admin.post("/v1/policies", {"name": name, "rules": rules, **more})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def simulate(admin: Caller, **body: Any) -> dict[str, Any]:
    answer = await admin.post("/v1/policies:simulate", body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_new_policy_is_version_1_and_says_who_wrote_it_and_why(admin: Caller):
    made = await write(admin, DENY, comment="after the incident")
    assert (made["current_version"], made["agent_id"], made["disabled_at"]) == (1, None, None)
    current = made["current"]
    assert (current["rules"][0]["name"], current["comment"]) == ("no-fetch", "after the incident")
    assert (current["made_by"]["kind"], bool(current["made_by"]["name"])) == ("key", True)
    assert (await admin.get("/v1/policies/house")).json() == (await admin.get(f"/v1/policies/{made['id']}")).json()


async def test_one_policy_is_in_force_for_the_tenant_and_one_for_each_agent(admin: Caller):
    await admin.agent("gardener")
    await write(admin, DENY)
    of_agent = await write(admin, ASK, name="own", agent="gardener")
    assert of_agent["agent_id"] is not None
    refused = await admin.post("/v1/policies", {"name": "second", "rules": []})
    assert "another policy is in force" in is_problem(refused, 409, "conflict")["detail"]
    is_problem(await admin.post("/v1/policies", {"name": "house", "agent": "gardener"}), 409, "conflict")
    is_problem(await admin.post("/v1/policies", {"name": "x", "agent": "nobody"}), 404, "not_found")
    assert (await admin.post("/v1/policies/house/disable")).json()["disabled_at"] is not None
    await write(admin, ASK, name="second")
    is_problem(await admin.post("/v1/policies/house/enable"), 409, "conflict")


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"name": "bad", "effect": "allow", "arguments": {"type": "strin"}}, "rule bad: arguments: not a JSON schema"),
        ({"name": "bad", "effect": "allow", "persons": 2}, "rule bad: persons and expires_s belong"),
        ({"name": "bad", "effect": "allow", "tools": []}, "at least 1 item"),
    ],
)
async def test_a_bad_rule_is_refused_and_named(admin: Caller, rule: dict[str, Any], words: str):
    document = is_problem(
        await admin.post("/v1/policies", {"name": "a", "rules": [DENY, rule]}), 422, "invalid_request"
    )
    (error,) = document["errors"]
    assert error["loc"][:3] == ["body", "rules", "1"]
    assert words in error["msg"]
    is_problem(await admin.get("/v1/policies/a"), 404, "not_found")


async def test_versions_are_written_compared_and_rolled_back(admin: Caller):
    await write(admin, DENY, ASK)
    changed = {**DENY, "reason": "still not"}
    second = await admin.post(
        "/v1/policies/house/versions", {"rules": [ASK, changed], "comment": "tidy", "based_on": 1}
    )
    assert (second.status_code, second.json()["version"]) == (201, 2)
    late = await admin.post("/v1/policies/house/versions", {"rules": [], "based_on": 1})
    assert "version 2 was written meanwhile" in is_problem(late, 409, "conflict")["detail"]
    diff = (await admin.get("/v1/policies/house/diff?before=1&after=2")).json()
    assert [(one["rule"], one["kind"], one["before_place"], one["after_place"]) for one in diff["changes"]] == [
        ("ask", "moved", 2, 1), ("no-fetch", "changed", 1, 2),
    ]  # fmt: skip
    pinned = await admin.post("/v1/policies/house/pin", {"version": 1})
    assert (pinned.json()["current_version"], pinned.json()["latest_version"]) == (1, 2)
    is_problem(await admin.post("/v1/policies/house/pin", {"version": 3}), 404, "not_found")
    listed = (await admin.get("/v1/policies/house/versions")).json()["items"]
    assert [(one["version"], one["comment"]) for one in listed] == [(2, "tidy"), (1, "")]
    assert (await admin.get("/v1/policies/house/versions/2")).json() == listed[0]


async def test_a_call_is_simulated_by_what_is_in_force_and_by_what_is_proposed(admin: Caller):
    await admin.agent("gardener", http_allow=["example.org"], tools=["http_get"])
    call = {"tool": "http_get", "arguments": {"url": "https://example.org/"}, "agent": "gardener"}
    (free,) = (await simulate(admin, call=call))["items"]
    assert (free["current"]["effect"], free["current"]["rule"], free["proposed"]) == ("allow", "granted", None)
    found = await simulate(admin, call=call, proposed={"rules": [DENY]})
    assert found["differing"] == 1
    assert (found["items"][0]["proposed"]["effect"], found["items"][0]["proposed"]["rule"]) == ("deny", "no-fetch")
    assert (await simulate(admin, call={**call, "agent": None}))["items"][0]["current"]["rule"] == "withheld"
    assert (await simulate(admin, call={"tool": "ship"}))["items"][0]["current"]["persons"] == 1
    assert (await simulate(admin, call={"tool": "ship", "side_effect": 3}))["items"][0]["current"]["persons"] == 2


async def test_an_agent_s_proposal_takes_the_agent_s_place_alone(admin: Caller):
    await admin.agent("gardener")
    await write(admin, ASK)
    call = {"tool": "http_get", "arguments": {}}
    proposed = {"rules": [DENY], "agent": "gardener"}
    (other,) = (await simulate(admin, call=call, proposed=proposed))["items"]
    assert other["differs"] is False
    (own,) = (await simulate(admin, call={**call, "agent": "gardener"}, proposed=proposed))["items"]
    assert own["proposed"]["rule"] == "no-fetch"


async def test_past_calls_are_judged_again_by_another_version(admin: Caller, store: Store):
    await write(admin)
    await admin.post("/v1/policies/house/versions", {"rules": [{**DENY, "tools": ["c*"]}]})
    await admin.post("/v1/policies/house/pin", {"version": 1})
    await admin.agent()
    session_id = SessionId(await admin.session())
    run_id = (await admin.post("/v1/runs", {"session_id": str(session_id), "input": "hi"})).json()["id"]
    calls = [
        NewEvent(payload=ToolCalled(call_id=tool, name=tool, arguments={}, side_effect=0))
        for tool in ("calculate", "recall")
    ]
    async with store.transaction(admin.tenant_id) as uow:
        await uow.events.append(admin.tenant_id, session_id, calls, run_id=RunId(UUID(run_id)))
    for past in ({"last": 10}, {"run_id": run_id}):
        found = await simulate(admin, past=past, proposed={"policy": "house", "version": 2})
        told = [(one["tool"], one["current"]["effect"], one["proposed"]["effect"]) for one in found["items"]]
        assert told == [("recall", "allow", "allow"), ("calculate", "allow", "deny")]
        assert found["differing"] == 1
        assert found["items"][0]["past"]["run_id"] == run_id


async def test_a_simulation_is_about_one_thing(admin: Caller):
    both = {"call": {"tool": "a"}, "past": {}}
    for body in ({}, both, {"past": {}, "proposed": {"policy": "a", "rules": [DENY]}}):
        is_problem(await admin.post("/v1/policies:simulate", body), 422, "invalid_request")
    unknown = {"past": {}, "proposed": {"policy": "nothing"}}
    is_problem(await admin.post("/v1/policies:simulate", unknown), 404, "not_found")


async def test_reading_and_writing_policies_are_scopes_of_their_own(admin: Caller, make_caller: MakeCaller):
    await write(admin, DENY)
    reader = await make_caller("policies:read")
    assert (await reader.get("/v1/policies")).json()["items"][0]["name"] == "house"
    is_problem(await reader.post("/v1/policies/house/disable"), 403, "forbidden")
    is_problem(await reader.post("/v1/policies", {"name": "b"}), 403, "forbidden")
    runner = await make_caller("runs:write", "agents:write", "tools:write")
    is_problem(await runner.get("/v1/policies"), 403, "forbidden")
    is_problem(await runner.post("/v1/policies/house/pin", {"version": 1}), 403, "forbidden")


async def test_every_change_is_in_the_audit_log(admin: Caller):
    await write(admin, DENY)
    await admin.post("/v1/policies/house/versions", {"rules": []})
    await admin.post("/v1/policies/house/pin", {"version": 1})
    await admin.post("/v1/policies/house/disable")
    await admin.post("/v1/policies/house/enable")
    entries = (await admin.get("/v1/audit?limit=50")).json()["items"]
    told = [one["action"] for one in entries if one["action"].startswith("policy.")]
    assert told == ["policy.enabled", "policy.disabled", "policy.pinned", "policy.changed", "policy.created"]


async def test_an_agent_has_no_way_to_policies(admin: Caller, address: str):
    """Not even with a tool that fetches from this very server: it sends no key, and it can only read."""
    await write(admin, DENY)
    where = address.removeprefix("http://")
    spec = AgentSpec(tools=("http_get",), http_allow=(where,))
    tool = HttpGetTool(HttpGetSettings(private_allow=frozenset({where})))

    async def emit(_payloads: Any) -> None:
        raise AssertionError

    context = ToolContext(admin.tenant_id, uuid4(), uuid4(), uuid4(), 1, "c", spec, emit)
    for path in ("/v1/policies", "/v1/policies/house", "/v1/policies/house/pin"):
        with pytest.raises(ToolFailedError, match="problem"):
            await tool.call({"url": f"http://{where}{path}"}, context)
    reaching = [name for name in builtin_definitions() if "polic" in name or "admin" in name]
    assert reaching == []
