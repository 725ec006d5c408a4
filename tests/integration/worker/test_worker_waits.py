"""Calls that wait for people, on real worker processes that are killed: an effect happens once, or is asked about."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from cluster import SPEC, Cluster, assert_gap_free, until
from store_world import make_tool_version
from worker_scripts import ANSWER

from hortus_agents.events import CapabilityReused, NewEvent, ToolCalled
from hortus_agents.spec import ApprovalSpec
from hortus_server.domain.approvals import Approval, Decider, Ruling
from hortus_server.domain.ids import KeyId
from hortus_server.domain.records import Run
from hortus_server.services.decide_approval import DecideApproval
from hortus_server.services.wake_waiting import WakeWaiting


class Ledger:
    """A service outside of the system: counts what reaches it, and lets each wait until it is told."""

    def __init__(self) -> None:
        self.reached: list[str] = []
        self.open = asyncio.Event()
        self.open.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = (await reader.readline()).decode()
        self.reached.append(line.split(" ")[1])
        await self.open.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\ndone")
        writer.close()


@pytest.fixture
async def ledger() -> AsyncIterator[tuple[Ledger, str]]:
    kept = Ledger()
    server = await asyncio.start_server(kept.serve, "127.0.0.1", 0)
    yield kept, f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    kept.open.set()
    server.close()


class Silent:
    """A broker that is away: the rows alone have to do."""

    async def publish_events(self, *_: Any) -> None:
        pass

    async def wake_run(self, *_: Any) -> None:
        pass


async def decide(cluster: Cluster, approval: Approval, decision: Any, **more: Any) -> None:
    silent: Any = Silent()
    decider = Decider.of_key(KeyId(uuid4()), "ann")
    ruling = Ruling(decision, "", more.get("answer"))
    await DecideApproval(cluster.store, WakeWaiting(silent, silent))(
        cluster.tenant_id, approval.id, ruling=ruling, decider=decider
    )


async def asked(cluster: Cluster, run: Run) -> Approval:
    found: list[Approval] = []

    async def is_asked() -> bool:
        async with cluster.store.system_transaction() as uow:
            approval = await uow.approvals.awaited(cluster.tenant_id, run.id)
        found.extend([approval] if approval else [])
        return bool(found)

    await until(is_asked, why=cluster.logs)
    return found[0]


def fetches(where: str) -> dict[str, Any]:
    return {"when": {"turn": 0}, "reply": {"json": {"tool": "http_get", "arguments": {"url": f"http://{where}/pay"}}}}


async def prepare(cluster: Cluster, where: str) -> dict[str, str]:
    cluster.script(fetches(where), ANSWER)
    approval = ApprovalSpec(tools=("http_get",))
    await cluster.use(SPEC.model_copy(update={"tools": ("http_get",), "http_allow": (where,), "approval": approval}))
    return {"HORTUS_SANDBOX_HTTP_ALLOW_PRIVATE": f'["{where}"]'}


async def test_an_approved_effect_happens_once_though_the_worker_is_killed_at_the_approval(
    cluster: Cluster, ledger: tuple[Ledger, str]
) -> None:
    kept, where = ledger
    settings = await prepare(cluster, where)
    async with asyncio.TaskGroup() as group:
        group.create_task(cluster.start_beat())
        first = group.create_task(cluster.start_worker(**settings))
    run = await cluster.submit()
    approval = await asked(cluster, run)
    waiting = await cluster.run(run)
    assert waiting.waiting_for is not None
    assert (waiting.status, waiting.waiting_for.ref_id) == ("waiting", approval.id)
    await decide(cluster, approval, "approve")
    first.result().kill()
    await cluster.start_worker(**settings)
    assert (await cluster.ended(run)).status == "succeeded"
    assert kept.reached == ["/pay"]
    called = [one.payload for one in await cluster.events(run.session_id) if isinstance(one.payload, ToolCalled)]
    assert [call.approval_id for call in called] == [approval.id]
    assert_gap_free(await cluster.events(run.session_id))


SLOW = "import time\n\ndef slow(seconds):\n    time.sleep(seconds)\n    return seconds\n"


async def evolved(cluster: Cluster, run: Run) -> None:
    """A tool of the library whose calls, once interrupted, are a person's affair; bound to the run."""
    draft = make_tool_version(cluster.tenant_id, run_id=run.id, call_id="made", source=SLOW)
    parameters = {"type": "object", "properties": {"seconds": {"type": "number"}}, "required": ["seconds"]}
    async with cluster.store.system_transaction() as uow:
        version = await uow.tools.propose(
            cluster.tenant_id, version=replace(draft, function="slow", parameters=parameters), name="slow"
        )
        await uow.tools.record_test(cluster.tenant_id, version.id, state="tested", report={"passed": True})
        await uow.tools.record_gates(cluster.tenant_id, version.id, scan={"passed": True}, negative={"passed": True})
        await uow.tools.activate(cluster.tenant_id, version.id)
        await uow.tools.set_in_doubt(cluster.tenant_id, version.id, policy="ask")
        bound = CapabilityReused(
            name="slow", tool_id=version.tool_id, tool_version_id=version.id, version=version.version, score=1.0
        )
        await uow.events.append(cluster.tenant_id, run.session_id, [NewEvent(payload=bound)], run_id=run.id)


async def test_an_interrupted_call_that_asks_is_not_repeated_and_a_person_says_what_became_of_it(
    cluster: Cluster,
) -> None:
    call = {"tool": "slow", "arguments": {"seconds": 20}}
    cluster.script({"when": {"turn": 0}, "reply": {"json": call}}, ANSWER)
    async with asyncio.TaskGroup() as group:
        group.create_task(cluster.start_beat())
        workers = [group.create_task(cluster.start_worker()) for _ in range(2)]
    run = await cluster.submit(wake=0)
    await evolved(cluster, run)
    await cluster.wake(run)
    await cluster.seen(run, "tool.called")
    worker_id = (await cluster.run(run)).worker_id or ""
    next(one for one in (task.result() for task in workers) if f"worker-{one.pid}-" in worker_id).kill()
    approval = await asked(cluster, run)
    assert (approval.kind, approval.tool, approval.arguments) == ("doubt", "slow", {"seconds": 20})
    assert (approval.worker_id, approval.allowed) == (worker_id, ("happened", "run_again", "give_up"))
    assert approval.started_at is not None
    await decide(cluster, approval, "happened", answer="it had slept")
    assert (await cluster.ended(run)).status == "succeeded"
    types = await cluster.types(run)
    assert (types.count("tool.called"), types.count("tool.in_doubt")) == (1, 1)
    assert "it had slept" in str(cluster.calls_of(run)[-1].body)
    assert_gap_free(await cluster.events(run.session_id))


async def test_a_timer_wakes_its_run_without_any_message(cluster: Cluster) -> None:
    await cluster.use(SPEC.model_copy(update={"tools": ("sleep",)}))
    cluster.script({"when": {"turn": 0}, "reply": {"json": {"tool": "sleep", "arguments": {"seconds": 2}}}}, ANSWER)
    async with asyncio.TaskGroup() as group:
        group.create_task(cluster.start_worker_and_beat())
        group.create_task(cluster.start_beat())
    run = await cluster.submit()
    assert (await cluster.ended(run)).status == "succeeded"
    types = await cluster.types(run)
    assert (types.count("run.waiting"), types.count("run.resumed")) == (1, 1), "two beats wake it once"
