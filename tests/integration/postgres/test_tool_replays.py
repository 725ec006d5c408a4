"""A synthesis that runs again after a crash tells the audit log nothing twice."""

from agent_world import PASSED_GATES, QuietScanner
from execution_world import Apart
from store_world import make_tool_version

from hortus_agents.evolution.gates import GateReport, ToolGates
from hortus_agents.evolution.negative import NegativeReport
from hortus_agents.evolution.ports import Candidate, Proposer, TestReport
from hortus_agents.evolution.scan import Finding, ScanReport
from hortus_agents.sandbox import open_sandbox
from hortus_agents.tools.capability import ToolPermissions
from hortus_memory.ranking.confidence import ConfidencePolicy
from hortus_server.domain.ids import JobId, new_id
from hortus_server.services.capability_store import RowsAndCapabilityIndex
from hortus_server.services.check_tool import CheckTool

REPORT = TestReport(passed=True, cases=({"arguments": {}, "expected": 1},), detail="fine", tier="bubblewrap")


def candidate(source: str = "def one(): return 1", **permissions: tuple[str, ...]) -> Candidate:
    schema = {"type": "object", "properties": {}}
    return Candidate("one", "It is one.", schema, {"type": "integer"}, source, "one", 1,
                     permissions=ToolPermissions(**permissions))  # fmt: skip


async def audited(world) -> list[tuple[str, dict]]:
    async with world.store.transaction(world.tenant_id) as uow:
        entries = await uow.audit.read_after(world.tenant_id, 0, limit=100)
    return [(entry.action, entry.detail) for entry in entries if entry.action.startswith("tool.")]


async def make(world, run, candidate: Candidate, *, passed: bool = True) -> None:
    """All that a worker tells the library of one candidate; a crash after the last of it is the worst."""
    library = RowsAndCapabilityIndex(world.store, Apart(), Apart(), ConfidencePolicy())
    proposer = Proposer(world.tenant_id, world.agent.id, run.id, "c1")
    stored = await library.propose(proposer, candidate)
    version = stored.capability.version_id
    blocking = ScanReport((Finding("B1", "blocks", "no"),), "none")
    await library.record_test(proposer, version, REPORT)
    await library.admit(proposer, version, PASSED_GATES if passed else GateReport(blocking, NegativeReport((), "none")))


async def test_a_tool_that_became_active_is_told_of_once(world):
    run = await world.submit()
    for _ in range(3):
        await make(world, run, candidate())
    assert [action for action, _ in await audited(world)] == ["tool.proposed", "tool.tested", "tool.activated"]


async def test_a_tool_that_waits_is_told_of_once_and_with_what_it_declares(world):
    run = await world.submit()
    for _ in range(2):
        await make(world, run, candidate(network=("api.example.org",), secrets=("TOKEN",), tools=("http_get",)))
    told = await audited(world)
    assert [action for action, _ in told] == ["tool.proposed", "tool.tested", "tool.quarantined"]
    assert all(detail["permissions"]["secrets"] == ["TOKEN"] for _, detail in told)
    assert told[-1][1]["reason"] == "it declares network (api.example.org), secrets (TOKEN), tools (http_get)"


async def test_a_tool_that_is_refused_is_told_of_once_and_another_source_by_itself(world):
    run = await world.submit()
    for _ in range(2):
        await make(world, run, candidate(), passed=False)
    await make(world, run, candidate("def one(): return 2 - 1"), passed=False)
    assert [action for action, _ in await audited(world)] == ["tool.proposed", "tool.tested", "tool.rejected"] * 2


async def test_a_job_that_comes_again_after_its_check_tells_it_once_and_another_check_again(world):
    async with world.store.transaction(world.tenant_id) as uow:
        version = await uow.tools.propose(world.tenant_id, version=make_tool_version(world.tenant_id), name="one")
    sandbox, job = await open_sandbox(concurrency=1), JobId(new_id())
    check = CheckTool(world.store, ToolGates(sandbox, QuietScanner(), negative_tests=1))
    try:
        for job_id in (job, job, JobId(new_id())):
            await check(world.tenant_id, version.id, job_id)
    finally:
        await sandbox.aclose()
    assert [action for action, _ in await audited(world)] == ["tool.checked"] * 2
