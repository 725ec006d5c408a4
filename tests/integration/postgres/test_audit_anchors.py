"""Anchors are written outside the database, and calls of runs stand in the log with their rule."""

import pytest
from execution_world import Office, answer, use

from hortus_agents.spec import AgentSpec, MemorySpec
from hortus_agents.tools.builtin.http_get import HttpGetSettings, HttpGetTool
from hortus_server.domain.audit import SYSTEM, NewAuditEntry
from hortus_server.services.anchor_audit import AnchorAudit
from hortus_server.services.audit_files import read_anchors
from hortus_server.services.record_audit import record_audit
from hortus_server.services.verify_audit import verify_audit


async def test_heads_that_moved_are_appended_to_the_file_and_verify_the_log(store, world, other, tmp_path):
    file = tmp_path / "anchors.jsonl"
    anchor = AnchorAudit(store, file)
    for tenant in (world, other):
        await record_audit(store, NewAuditEntry(tenant.tenant_id, SYSTEM, "thing.done", "thing:1"))
    assert await anchor() == 2
    assert await anchor() == 0
    await record_audit(store, NewAuditEntry(world.tenant_id, SYSTEM, "thing.done", "thing:2"))
    assert await anchor() == 1
    anchors = read_anchors(file.read_text().splitlines())
    assert sorted(anchors[world.tenant_id]) == [1, 2]
    report = await verify_audit(store, world.tenant_id, anchors=anchors[world.tenant_id])
    assert (report.intact, report.entries) == (True, 2)
    forged = {1: anchors[world.tenant_id][1], 2: "f" * 64, 3: "f" * 64}
    damaged = await verify_audit(store, world.tenant_id, anchors=forged)
    assert [finding.damage for finding in damaged.findings] == ["rewritten", "cut"]


async def test_a_file_that_cannot_be_written_stops_nothing(store, world, tmp_path):
    await record_audit(store, NewAuditEntry(world.tenant_id, SYSTEM, "thing.done", "thing:1"))
    assert await AnchorAudit(store, tmp_path)() == 1


@pytest.mark.parametrize(
    ("url", "action"), [("http://elsewhere.example/", "tool.denied"), ("http://127.0.0.1:9/", "tool.called")]
)
async def test_calls_with_effects_outside_and_refused_ones_are_audited_as_the_agents(store, world, url, action):
    spec = AgentSpec(
        tools=(), plugins=("http_get",), http_allow=("127.0.0.1:9",), memory=MemorySpec(recall=False, remember=False)
    )
    office = Office(world, (HttpGetTool(HttpGetSettings()),), spec)
    await office.work(await office.submit(), use("http_get", url=url), answer())
    async with store.transaction(world.tenant_id) as uow:
        (entry,) = await uow.audit.read_after(world.tenant_id, 0, limit=10)
    assert (entry.action, entry.subject) == (action, "tool:http_get")
    assert (entry.actor.kind, entry.actor.name) == ("agent", "gardener")
    assert entry.detail["rule"] if action == "tool.denied" else len(entry.detail["arguments_sha256"]) == 64
