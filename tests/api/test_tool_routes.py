"""Evolved tools over HTTP: what people enable, disable, roll back, carry from server to server."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from types import MappingProxyType
from typing import Any

import pytest
from agent_world import QuietScanner
from backends import Caller, is_problem

from hortus_agents.evolution.gates import ToolGates
from hortus_agents.evolution.scan import Finding
from hortus_agents.sandbox import open_sandbox
from hortus_server.domain.errors import UnavailableError
from hortus_server.domain.ids import JobId, ToolId, ToolVersionId, new_id
from hortus_server.domain.records import ToolState, ToolVersion
from hortus_server.ports.store import Store
from hortus_server.services.check_tool import CheckTool

WHY = {"reason": "because"}
PASSED = {"passed": True}
INTEGER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


async def grown(
    admin: Caller,
    store: Store,
    source: str = "def ones(n):\n    return 'I' * n\n",
    *,
    state: ToolState = "tested",
    permissions: Mapping[str, Any] = MappingProxyType({}),
) -> ToolVersion:
    """A version of `ones` that passed every gate."""
    draft = ToolVersion(
        id=ToolVersionId(new_id()), tenant_id=admin.tenant_id, tool_id=ToolId(new_id()), version=0, state="proposed",
        description="Roman ones", parameters=INTEGER, returns={"type": "string"}, function="ones",
        source=source, source_sha256="0" * 64, tests=({"arguments": {"n": 2}, "expected": "II"},), test_report=None,
        origin_run_id=None, origin_call_id=None, uses=0, failures=0, created_at=datetime.now(UTC), activated_at=None,
        permissions=dict(permissions),
    )  # fmt: skip
    async with store.transaction(admin.tenant_id) as uow:
        version = await uow.tools.propose(admin.tenant_id, version=draft, name="ones")
        await uow.tools.record_test(
            admin.tenant_id, version.id, state="tested", report={**PASSED, "cases": draft.tests}
        )
        version = await uow.tools.record_gates(admin.tenant_id, version.id, scan=PASSED, negative=PASSED)
        if state == "active":
            return await uow.tools.activate(admin.tenant_id, version.id)
        if state != "tested":
            return await uow.tools.set_state(admin.tenant_id, version.id, state=state, reason="test")
        return version


async def states(admin: Caller) -> dict[int, str]:
    return {one["version"]: one["state"] for one in (await admin.get("/v1/tools/ones/versions")).json()["items"]}


async def acts(admin: Caller) -> list[str]:
    entries = (await admin.get("/v1/audit", params={"limit": 50})).json()["items"]
    return [entry["action"] for entry in reversed(entries) if entry["action"].startswith("tool")]


async def test_a_quarantined_version_waits_and_is_enabled_by_a_person(admin: Caller, store: Store):
    await grown(admin, store, state="quarantined")
    assert (await admin.get("/v1/tools/ones")).json()["waiting_version"] == 1
    enabled = (await admin.post("/v1/tools/ones/enable", WHY)).json()
    assert (enabled["active_version"], enabled["waiting_version"]) == (1, None)
    assert await acts(admin) == ["tool.enabled"]
    is_problem(await admin.post("/v1/tools/ones/enable", {}), 422, "invalid_request")
    is_problem(await admin.post("/v1/tools/none/enable", WHY), 404, "not_found")


async def test_who_enables_a_tool_sees_what_it_declares_and_the_audit_log_keeps_it(admin: Caller, store: Store):
    asked = {"network": ["api.example.org"], "secrets": ["TOKEN"], "tools": ["http_get"]}
    await grown(admin, store, state="quarantined", permissions=asked)
    shown = (await admin.get("/v1/tools/ones/versions/1")).json()
    assert shown["permissions"] == {**asked, "writes": []}
    await admin.post("/v1/tools/ones/enable", WHY)
    (entry,) = (await admin.get("/v1/audit", params={"action": "tool.enabled"})).json()["items"]
    assert entry["detail"]["permissions"] == asked


async def test_a_tool_goes_back_to_the_version_before_and_to_a_named_one(admin: Caller, store: Store):
    for number in range(3):
        await grown(admin, store, f"def ones(n):\n    return {number}\n", state="active")
    back = await admin.post("/v1/tools/ones/rollback", WHY)
    assert back.json()["active_version"] == 2
    assert await states(admin) == {1: "tested", 2: "active", 3: "rolled_back"}
    is_problem(await admin.post("/v1/tools/ones/rollback", {**WHY, "version": 3}), 409, "conflict")
    assert (await admin.post("/v1/tools/ones/rollback", {**WHY, "version": 1})).json()["active_version"] == 1
    is_problem(await admin.post("/v1/tools/ones/rollback", WHY), 409, "conflict")
    assert (await admin.post("/v1/tools/ones/enable", {**WHY, "version": 3})).json()["active_version"] == 3
    assert await acts(admin) == ["tool.rolled_back", "tool.rolled_back", "tool.enabled"]


async def test_a_disabled_tool_comes_back_as_it_was(admin: Caller, store: Store):
    await grown(admin, store, state="active")
    for _ in range(2):
        assert (await admin.post("/v1/tools/ones/disable", WHY)).json()["active_version"] is None
    assert (await admin.get("/v1/tools/ones/versions")).json()["items"][0]["state_reason"] == "because"
    assert (await admin.post("/v1/tools/ones/enable", WHY)).json()["active_version"] == 1
    assert await acts(admin) == ["tool.disabled", "tool.enabled"]


@pytest.mark.parametrize("report", ["scan", "negative"])
async def test_what_has_not_passed_a_gate_cannot_be_enabled(admin: Caller, store: Store, report: str):
    version = await grown(admin, store, state="quarantined")
    async with store.transaction(admin.tenant_id) as uow:
        reports = {"scan": PASSED, "negative": PASSED, report: {"passed": False}}
        await uow.tools.record_gates(admin.tenant_id, version.id, **reports)
    problem = is_problem(await admin.post("/v1/tools/ones/enable", WHY), 409, "conflict")
    assert "has not passed its" in problem["detail"]
    assert await states(admin) == {1: "quarantined"}


async def test_changes_need_the_scope_and_the_tenant(admin: Caller, stranger: Caller, make_caller: Any, store: Store):
    await grown(admin, store, state="active")
    reader = await make_caller("tools:read", "runs:write")
    for path in ("enable", "disable", "rollback", "versions/1/check"):
        is_problem(await reader.post(f"/v1/tools/ones/{path}", WHY), 403, "forbidden")
        is_problem(await stranger.post(f"/v1/tools/ones/{path}", WHY), 404, "not_found")
    is_problem(await stranger.get("/v1/tools/ones/versions/1/bundle"), 404, "not_found")
    writer = await make_caller("tools:write")
    is_problem(await writer.call("PUT", "/v1/tool-activation", json={"activate_pure": True}), 403, "forbidden")
    assert await states(admin) == {1: "active"}


async def test_whether_pure_tools_come_in_by_themselves_is_the_tenants_choice(admin: Caller):
    assert (await admin.get("/v1/tool-activation")).json() == {"activate_pure": True}
    await admin.call("PUT", "/v1/tool-activation", json={"activate_pure": False})
    assert (await admin.get("/v1/tool-activation")).json() == {"activate_pure": False}
    assert await acts(admin) == ["tool_activation.changed"]


async def bundle(admin: Caller, store: Store) -> dict[str, Any]:
    await grown(admin, store, state="active")
    exported: dict[str, Any] = (await admin.get("/v1/tools/ones/versions/1/bundle")).json()
    return exported


async def test_a_tool_goes_from_one_tenant_to_another_and_waits_there(admin: Caller, stranger: Caller, store: Store):
    exported = await bundle(admin, store)
    assert exported["tests"] == [{"arguments": {"n": 2}, "expected": "II"}]
    imported = await stranger.post("/v1/tools/import", exported)
    assert imported.status_code == 201
    version = imported.json()["version"]
    assert (version["state"], version["origin"]) == ("quarantined", "import")
    assert (await stranger.post("/v1/tools/import", exported)).json()["version"]["id"] == version["id"]
    problem = is_problem(await stranger.post("/v1/tools/ones/enable", WHY), 409, "conflict")
    assert "have it checked first" in problem["detail"]
    assert (await stranger.get("/v1/tools/ones")).json()["active_version"] is None


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("source", {"source": "def ones(n):\n    return 'owned'\n"}),
        ("tests", {"tests": [{"arguments": {"n": 1}, "expected": "II"}]}),
        ("manifest", {"manifest": {"name": "twos"}}),
        ("manifest", {"manifest": {"permissions": {"network": ["evil.example"]}}}),
    ],
)
async def test_a_bundle_that_was_changed_is_refused(admin: Caller, store: Store, part: str, change: dict[str, Any]):
    exported = await bundle(admin, store)
    changed = {**exported, **change}
    if part == "manifest":
        changed["manifest"] = {**exported["manifest"], **change["manifest"]}
    problem = is_problem(await admin.post("/v1/tools/import", changed), 422, "invalid_input")
    assert f"the bundle's {part}" in problem["detail"]


@pytest.mark.parametrize(
    ("schemas", "fault"),
    [
        ({"parameters": {"type": "object", "$ref": "http://169.254.169.254/"}}, "parameters: $ref is not taken"),
        ({"parameters": {"type": "object", "properties": {"n": {"pattern": "^(a|aa)+$"}}}}, "parameters: pattern"),
        ({"parameters": {"type": "array"}}, 'parameters: a schema of type "object"'),
        ({"returns": {"type": 5}}, "returns: not a JSON schema"),
    ],
)
async def test_schemas_that_reach_out_or_are_none_come_in_with_no_bundle(
    admin: Caller, store: Store, schemas: dict[str, Any], fault: str
):
    exported = await bundle(admin, store)
    exported["manifest"] |= schemas
    text = json.dumps(exported["manifest"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    exported["sha256"]["manifest"] = sha256(text.encode()).hexdigest()
    problem = is_problem(await admin.post("/v1/tools/import", exported), 422, "invalid_input")
    assert problem["detail"].startswith(fault)


async def check(store: Store, admin: Caller, *finds: Finding) -> None:
    sandbox = await open_sandbox(concurrency=2)
    gates = ToolGates(sandbox, QuietScanner(*finds), magnitude_s=0.1, negative_tests=3)
    async with store.transaction(admin.tenant_id) as uow:
        (version, *_) = await uow.tools.list_versions(
            admin.tenant_id, (await uow.tools.get(admin.tenant_id, "ones")).id
        )
    try:
        await CheckTool(store, gates)(admin.tenant_id, version.id, JobId(new_id()))
    finally:
        await sandbox.aclose()


async def test_an_imported_tool_is_checked_here_and_then_a_persons_to_enable(
    admin: Caller, stranger: Caller, store: Store
):
    await stranger.post("/v1/tools/import", await bundle(admin, store))
    await check(store, stranger)
    one = (await stranger.get("/v1/tools/ones/versions/1")).json()
    assert (one["state"], one["state_reason"]) == ("quarantined", "waits for a person")
    assert one["test_report"]["detail"] == "run again here: 1 of 1 hold"
    assert one["negative_report"]["passed"] is True
    assert (await stranger.post("/v1/tools/ones/enable", WHY)).json()["active_version"] == 1


async def test_an_imported_tool_that_the_scan_refuses_is_rejected_without_running(
    admin: Caller, stranger: Caller, store: Store
):
    await stranger.post("/v1/tools/import", await bundle(admin, store))
    await check(store, stranger, Finding("B000", "blocks", "insecure", 1))
    one = (await stranger.get("/v1/tools/ones/versions/1")).json()
    assert (one["state"], one["test_report"]["tier"]) == ("rejected", "none")
    assert "insecure (B000)" in one["state_reason"]
    is_problem(await stranger.post("/v1/tools/ones/enable", WHY), 409, "conflict")


async def test_an_active_tool_that_fails_its_check_is_taken_out_of_use(admin: Caller, store: Store):
    await grown(admin, store, state="active")
    await check(store, admin, Finding("B000", "blocks", "insecure", 1))
    assert await states(admin) == {1: "quarantined"}
    assert (await admin.get("/v1/tools/ones")).json()["active_version"] is None


async def test_without_a_sandbox_nothing_is_decided(admin: Caller, store: Store):
    version = await grown(admin, store, state="quarantined")
    with pytest.raises(UnavailableError):
        await CheckTool(store, None)(admin.tenant_id, version.id, JobId(new_id()))
    async with store.transaction(admin.tenant_id) as uow:
        assert await uow.tools.get_version(admin.tenant_id, version.id) == replace(version)
