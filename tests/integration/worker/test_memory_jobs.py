"""What a run leaves behind: its episode, and the tool that it made, for runs of later sessions."""

import asyncio

import pytest
from agent_world import PASSED_GATES
from cluster import SPEC, Cluster, until
from worker_scripts import ANSWER

from hortus_agents.events import CapabilityReused, MemoryRecalled, MemoryWritten, StepStarted
from hortus_agents.evolution.ports import Candidate, Proposer, TestReport
from hortus_agents.spec import EvolutionSpec, MemorySpec
from hortus_memory.embedding.hashed import HashEmbedder
from hortus_memory.ranking.confidence import ConfidencePolicy
from hortus_server.adapters.celery.wakeups import open_wakeups
from hortus_server.adapters.memory import open_indexes
from hortus_server.domain.records import Run
from hortus_server.services.agent_memory import episode_id
from hortus_server.services.capability_store import RowsAndCapabilityIndex
from hortus_server.settings import QdrantSettings

pytestmark = pytest.mark.asyncio(loop_scope="module")

REMEMBERING = SPEC.model_copy(update={"memory": MemorySpec()})
REUSING = SPEC.model_copy(update={"evolution": EvolutionSpec()})
SOURCE = "def roman(number):\n    return 'IV' if number == 4 else str(number)\n"


async def payloads(cluster: Cluster, run: Run, kind: type) -> list:
    return [event.payload for event in await cluster.events(run.session_id) if isinstance(event.payload, kind)]


async def test_an_episode_is_written_once_and_recalled_by_a_later_session(running: Cluster) -> None:
    running.script(ANSWER)
    await running.use(REMEMBERING)
    first = await running.ended(await running.submit("convert the harvest of wheat to bushels"))
    await running.seen(first, "memory.written")
    (written,) = await payloads(running, first, MemoryWritten)
    assert written.memory_id == episode_id(first.id)
    async with running.store.system_transaction() as uow:
        row = await uow.memories.get(running.tenant_id, episode_id(first.id))
    assert (row.kind, row.run_id, row.source_first_seq) == ("episode", first.id, 1)
    assert row.indexed_at is not None
    assert "It answered: four" in row.content

    second = await running.ended(await running.submit("how was the harvest of wheat converted to bushels?"))
    (recalled,) = await payloads(running, second, MemoryRecalled)
    assert recalled.items[0].memory_id == row.id
    assert not recalled.unavailable


async def test_a_tool_that_became_active_is_bound_in_a_later_session_until_it_is_disabled(running: Cluster) -> None:
    running.script(ANSWER)
    origin = await running.ended(await running.submit("first"))
    settings = QdrantSettings(url=running.env["HORTUS_QDRANT_URL"])
    async with (
        open_wakeups(running.broker.url, timeout_s=3) as queue,
        open_indexes(settings, HashEmbedder(384)) as indexes,
    ):
        library = RowsAndCapabilityIndex(running.store, queue, indexes.capabilities, ConfidencePolicy())
        candidate = Candidate(
            name="roman",
            description="Convert a number to Roman numerals",
            parameters={"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]},
            returns={"type": "string"},
            source=SOURCE,
            function="roman",
            attempt=1,
        )
        proposer = Proposer(running.tenant_id, origin.agent_id, origin.id, "c1")
        stored = await library.propose(proposer, candidate)
        again = await library.propose(proposer, candidate)
        assert again == stored
        version_id = stored.capability.version_id
        report = TestReport(
            passed=True, cases=({"arguments": {"number": 4}, "expected": "IV"},), detail="", tier="test"
        )
        await library.record_test(proposer, version_id, report)
        assert (await library.admit(proposer, version_id, PASSED_GATES)).state == "active"

        async def is_found() -> bool:
            hits = await library.find(running.tenant_id, "convert a number to Roman numerals", 3)
            return [hit.capability.version_id for hit in hits] == [version_id]

        await until(is_found, why=running.logs)
        assert (await library.of_call(running.tenant_id, run_id=origin.id, call_id="c1"))[0].state == "active"

        await running.use(REUSING)
        reusing = await running.ended(await running.submit("convert the number 4 to Roman numerals"))
        (reused,) = await payloads(running, reusing, CapabilityReused)
        assert reused.tool_version_id == version_id
        (step,) = await payloads(running, reusing, StepStarted)
        assert step.bound_tools == ("roman",)

        async with running.store.system_transaction() as uow:
            await uow.tools.set_state(running.tenant_id, version_id, state="disabled", reason="test")
        assert await library.find(running.tenant_id, "convert a number to Roman numerals", 3) == []
        after = await running.ended(await running.submit("convert the number 4 to Roman numerals"))
        assert await payloads(running, after, CapabilityReused) == []


async def test_a_doubled_job_writes_one_episode(running: Cluster) -> None:
    running.script(ANSWER)
    await running.use(REMEMBERING)
    run = await running.ended(await running.submit("count the beans"))
    await running.seen(run, "memory.written")
    async with running.store.system_transaction() as uow:
        jobs = [await uow.wakeups.add_job(running.tenant_id, "remember_run", run.id) for _ in range(2)]
    async with open_wakeups(running.broker.url, timeout_s=3) as queue:
        for job in jobs * 2:
            await queue.wake_job(job.id, job.kind)
    await asyncio.sleep(1.0)
    assert len(await payloads(running, run, MemoryWritten)) == 1
