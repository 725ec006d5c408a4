"""Runs on real worker processes: two of them and beat, shared by these tests."""

import asyncio
import itertools
import time

import pytest
import pytest_asyncio
from cluster import SPEC, Cluster, assert_gap_free, quickest, until
from worker_scripts import ANSWER, CALL, WITH_TOOL, held

from hortus_agents.events import Event, RunBudgetExhausted, RunCancelled, RunFailed, RunStarted
from hortus_agents.limits import RunLimits
from hortus_server.adapters.celery import workers
from hortus_server.adapters.celery.wakeups import open_wakeups
from hortus_server.adapters.celery.workers import CeleryWorkerControl
from hortus_server.adapters.redis.client import connect_redis
from hortus_server.adapters.redis.streams import open_streams
from hortus_server.domain.admission import TenantAdmission
from hortus_server.domain.budgets import TenantBudget
from hortus_server.domain.errors import NotFoundError
from hortus_server.domain.records import Run
from hortus_server.ports.live import LiveItem, TokenDelta
from hortus_server.ports.workers import WorkerInfo
from hortus_server.services.watch_budgets import FRESH_S

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def plain_agent(running: Cluster) -> None:
    await running.use(SPEC)


async def test_a_run_goes_all_the_way(running: Cluster) -> None:
    running.script(ANSWER)
    run = await running.ended(await running.submit("what is 2+2?"))
    assert (run.status, run.output, run.generation) == ("succeeded", "four", 1)
    assert await running.types(run) == [
        "message.created",
        "run.queued",
        "run.started",
        "step.started",
        "model.called",
        "message.completed",
        "run.succeeded",
    ]
    assert_gap_free(await running.events(run.session_id))


async def test_a_doubled_message_is_one_execution(running: Cluster) -> None:
    running.script(CALL, ANSWER)
    await running.use(WITH_TOOL)
    run = await running.submit(wake=6)
    assert (await running.ended(run)).status == "succeeded"
    await running.wake(run, times=3)
    await asyncio.sleep(0.5)
    assert (await running.types(run)).count("run.started") == 1
    assert len(running.calls_of(run)) == 2


async def test_cancel_closes_the_request_to_the_model_within_a_second(running: Cluster) -> None:
    runs: list[Run] = []

    async def cancel() -> float:
        running.script(held("stalled", at_token=6))
        run = await running.submit()
        runs.append(run)
        await running.model.until_held("stalled")
        await asyncio.sleep(0.2)
        began = time.monotonic()
        async with running.store.system_transaction() as uow:
            await uow.runs.request_cancel(running.tenant_id, run.id, reason="changed my mind")
        await until(lambda: running.calls_of(run)[0].cancelled)
        return time.monotonic() - began

    await quickest(cancel, under_s=1.0)
    run = runs[-1]
    assert (await running.ended(run)).status == "cancelled"
    (end,) = [e.payload for e in await running.events(run.session_id) if isinstance(e.payload, RunCancelled)]
    assert end.reason == "changed my mind"
    assert "four and some more words".startswith(end.partial_output)
    assert end.partial_output
    await running.wake(run)
    await asyncio.sleep(0.3)
    assert (await running.types(run)).count("run.started") == 1


async def test_runs_of_a_session_take_turns(running: Cluster) -> None:
    running.script(ANSWER)
    session = await running.session()
    runs = [await running.submit(f"question {number}", session=session) for number in range(4)]
    for run in runs:
        assert (await running.ended(run)).status == "succeeded"
    started = [e.run_id for e in await running.events(session.id) if e.type == "run.started"]
    assert started == [run.id for run in runs]
    last = running.calls_of(runs[-1])[0].body["messages"]
    assert [message["content"] for message in last if message["role"] == "user"][-4:] == [
        f"question {number}" for number in range(4)
    ]


async def test_the_wall_limit_ends_a_run_that_stalls(running: Cluster) -> None:
    running.script(held("never"))
    await running.use(SPEC.model_copy(update={"limits": RunLimits(wall_s=0.7)}))
    run = await running.ended(await running.submit())
    assert run.status == "budget_exhausted"
    (end,) = [e.payload for e in await running.events(run.session_id) if isinstance(e.payload, RunBudgetExhausted)]
    assert end.limit == "wall_s"


async def test_a_model_that_refuses_fails_the_run_with_its_code(running: Cluster) -> None:
    running.script({"reply": {"error": {"status": 400}}})
    run = await running.ended(await running.submit())
    assert (run.status, run.error_code) == ("failed", "model_rejected")
    assert any(isinstance(e.payload, RunFailed) for e in await running.events(run.session_id))


async def test_readers_see_text_while_it_is_written_and_each_event_once(running: Cluster) -> None:
    slow = {"reply": {"json": {"answer": " ".join(["word"] * 30)}, "tokens_per_s": 40}}
    running.script(slow)
    session = await running.session()
    redis = connect_redis(running.broker.url, timeout_s=2, retries=0)
    seen: list[LiveItem] = []
    async with (
        open_streams(redis, timeout_s=2, buffer=1000) as streams,
        streams.subscribe(session.tenant_id, session.id) as items,
        asyncio.timeout(60),
    ):
        run = await running.submit(session=session)
        async for item in items:
            seen.append(item)
            if isinstance(item, Event) and item.type == "run.succeeded":
                break
    await redis.aclose()
    text = "".join(item.text for item in seen if isinstance(item, TokenDelta))
    assert text == (await running.run(run)).output == " ".join(["word"] * 30)
    assert len([item for item in seen if isinstance(item, TokenDelta)]) > 3
    log = await running.events(session.id)
    assert [item for item in seen if isinstance(item, Event)] == [event for event in log if event.seq > 2]


async def test_workers_are_listed_drained_and_resumed(running: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_wakeups(running.broker.url, timeout_s=3) as queue:
        control = CeleryWorkerControl(queue.app)
        seen: list[WorkerInfo] = []

        async def both_answer() -> bool:  # one that takes more than a second counts as absent
            seen[:] = await control.list()
            return len(seen) == 2

        await until(both_answer)
        first, second = seen
        assert {first.state, second.state} == {"running"}
        assert first.queues == ("evolve", "maintenance", "memory", "runs")
        with monkeypatch.context() as patient:
            patient.setattr(workers, "REPLY_S", 30.0)
            assert (await control.drain(first.id)).state == "draining"
        await until(both_answer)
        assert {info.id: info.state for info in seen} == {first.id: "draining", second.id: "running"}
        running.script(ANSWER)
        runs = [await running.submit() for _ in range(4)]
        for run in runs:
            assert (await running.ended(run)).status == "succeeded"
            (started,) = [e.payload for e in await running.events(run.session_id) if isinstance(e.payload, RunStarted)]
            assert started.worker_id == second.id
        with monkeypatch.context() as patient:
            patient.setattr(workers, "REPLY_S", 30.0)
            assert (await control.resume(first.id)).queues == first.queues
        with pytest.raises(NotFoundError):
            await control.drain("nobody@nowhere")


async def test_a_tenants_limit_holds_and_each_end_lets_the_next_begin(running: Cluster) -> None:
    running.script(ANSWER)
    async with running.store.system_transaction() as uow:
        await uow.admission.set(running.tenant_id, TenantAdmission(max_concurrent_runs=1))
    try:
        submitted = [await running.submit() for _ in range(4)]
        runs = [await running.ended(run) for run in submitted]
    finally:
        async with running.store.system_transaction() as uow:
            await uow.admission.set(running.tenant_id, TenantAdmission())
    assert {(run.status, run.generation) for run in runs} == {("succeeded", 1)}
    times = sorted((run.started_at, run.finished_at) for run in runs if run.started_at and run.finished_at)
    for (_, ended_at), (began_at, _) in itertools.pairwise(times):
        assert began_at >= ended_at


async def test_an_answer_is_cut_off_once_another_run_has_used_up_its_tenants_day(running: Cluster) -> None:
    words = "four and some more words"
    slowly = {"json": {"answer": words}, "hold": "day", "stall_at_token": 6, "tokens_per_s": 2}
    running.script({"when": {"user": "slowly"}, "reply": slowly}, ANSWER)
    usual = await running.ended(await running.submit("at once"))
    async with running.store.system_transaction() as uow:
        today = (await uow.budgets.allowance(running.tenant_id)).today
        await uow.budgets.set_budget(running.tenant_id, TenantBudget(tokens_per_day=today.tokens + usual.total_tokens))
    try:
        await asyncio.sleep(FRESH_S)  # the workers have seen the tenant without a budget
        slow = await running.submit("slowly")
        await running.model.until_held("day")
        beside = await running.ended(await running.submit("at once"))
        await asyncio.sleep(FRESH_S / 2)
        running.model.release("day")  # it goes on for longer than it takes until somebody looks
        slow = await running.ended(slow)
    finally:
        async with running.store.system_transaction() as uow:
            await uow.budgets.set_budget(running.tenant_id, TenantBudget())
    assert (beside.status, beside.total_tokens) == ("succeeded", usual.total_tokens)
    (end,) = [e.payload for e in await running.events(slow.session_id) if isinstance(e.payload, RunBudgetExhausted)]
    assert end.limit == "tokens_per_day"
    assert words.startswith(end.partial_output)
    assert end.partial_output


async def test_a_run_whose_wakeup_was_lost_is_found_and_taken(running: Cluster) -> None:
    running.script(ANSWER)
    run = await running.ended(await running.submit(wake=0))
    assert (run.status, run.generation) == ("succeeded", 1)
