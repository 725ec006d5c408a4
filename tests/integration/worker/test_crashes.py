"""What must hold when a worker or the broker dies; each test has processes of its own."""

import asyncio
import signal
from pathlib import Path

from cluster import WITHIN_S, Cluster, assert_gap_free, until
from fixtures_postgres import PostgresServer, create_database, settings_for
from fixtures_valkey import ValkeyServer
from stack_parts import freeze
from worker_scripts import ANSWER, CALL, WITH_TOOL, held

from hortus_agents.events import MessageCompleted, RunStarted
from hortus_agents.models.scripted import ScriptedModel
from hortus_server.adapters.postgres.migrations import migrate
from hortus_server.adapters.postgres.store import PostgresStore

SHORT_LEASE = {"HORTUS_WORKER_LEASE_S": "1.5"}  # what tells of a worker that hangs
LONG_LEASE = {"HORTUS_WORKER_LEASE_S": str(5 * WITHIN_S)}  # nothing that is awaited can be its end


async def test_a_killed_worker_s_run_is_finished_by_another_without_repeating_a_call(cluster: Cluster) -> None:
    cluster.script(CALL, held("second", turn=1))
    await cluster.use(WITH_TOOL)
    await cluster.start_beat()
    first = await cluster.start_worker(**LONG_LEASE)
    run = await cluster.submit()
    await cluster.model.until_held("second")
    await cluster.start_worker(**LONG_LEASE)
    first.send_signal(signal.SIGKILL)
    await until(lambda: cluster.model.requests[1].cancelled)
    cluster.model.release("second")
    await cluster.ended(run)
    events = await cluster.events(run.session_id)
    assert_gap_free(events)
    assert [event.payload.generation for event in events if isinstance(event.payload, RunStarted)] == [1, 2]
    assert [event.payload.content for event in events if isinstance(event.payload, MessageCompleted)] == [
        "four and some more words"
    ]
    finished = [record for record in cluster.model.requests if record.finished]
    assert sorted(len(record.body["messages"]) for record in finished) == [2, 4], "each call finished once"


async def test_a_cancel_that_finds_a_dead_worker_is_carried_out_by_the_next(cluster: Cluster) -> None:
    cluster.script(held("stalled"))
    first = await cluster.start_worker()
    run = await cluster.submit()
    await cluster.model.until_held("stalled")
    first.kill()
    async with cluster.store.system_transaction() as uow:
        await uow.runs.request_cancel(cluster.tenant_id, run.id, reason="too late")
    await cluster.start_worker_and_beat()
    assert (await cluster.ended(run)).status == "cancelled"
    assert len(cluster.model.requests) == 1


async def test_a_wiped_broker_loses_no_run(cluster: Cluster) -> None:
    cluster.script(ANSWER)
    run = await cluster.submit()
    cluster.broker.stop()
    cluster.broker.start()
    await cluster.start_worker_and_beat()
    assert (await cluster.ended(run)).status == "succeeded"


async def test_sigterm_hands_a_long_run_over_at_once(cluster: Cluster) -> None:
    cluster.script(CALL, held("long", turn=1))
    await cluster.use(WITH_TOOL)
    first = await cluster.start_worker(HORTUS_WORKER_DRAIN_S="0.5", **LONG_LEASE)
    run = await cluster.submit()
    await cluster.model.until_held("long")
    await cluster.start_worker(**LONG_LEASE)
    first.send_signal(signal.SIGTERM)
    await until(lambda: len(cluster.model.requests) == 3, why=cluster.logs)
    cluster.model.release("long")
    assert (await cluster.ended(run)).status == "succeeded"
    assert first.wait(WITHIN_S) == 0
    assert (await cluster.run(run)).generation == 2


async def test_sigterm_lets_the_step_under_way_end_and_hands_over_before_the_next(cluster: Cluster) -> None:
    cluster.script({**CALL, "reply": {**CALL["reply"], "hold": "first"}}, ANSWER)
    await cluster.use(WITH_TOOL)
    first = await cluster.start_worker(HORTUS_WORKER_DRAIN_S=str(WITHIN_S))
    run = await cluster.submit()
    await cluster.model.until_held("first")
    await cluster.start_worker()
    first.send_signal(signal.SIGTERM)
    await until(lambda: "Warm shutdown" in cluster.log_of(first).read_text(), why=cluster.logs)
    cluster.model.release("first")
    assert (await cluster.ended(run)).status == "succeeded"
    assert len(cluster.model.requests) == 2, "the first call was finished by the worker that had begun it"
    assert (await cluster.run(run)).generation == 2


async def test_a_finished_model_call_survives_an_outage_of_the_database(
    tmp_path: Path, own_valkey: ValkeyServer
) -> None:
    server = PostgresServer()
    server.create()
    server.start()
    try:
        create_database(server.url, "hortus")
        settings = settings_for(server.url, "hortus")
        await migrate(settings)
        store = await PostgresStore.open(settings)
        async with ScriptedModel({"rules": [held("answer")]}) as model:
            cluster = await Cluster.make(
                store,
                model,
                broker=own_valkey,
                database_url=settings.url,
                qdrant_url="http://127.0.0.1:9",
                folder=tmp_path,
            )
            try:
                await cluster.start_worker(HORTUS_WORKER_LEASE_S="30")
                run = await cluster.submit()
                await model.until_held("answer")
                server.stop(signal.SIGQUIT)
                model.release("answer")
                await until(lambda: "commit_waits" in cluster.logs(), why=cluster.logs)
                server.start()
                assert (await cluster.ended(run)).status == "succeeded"
                assert len(model.requests) == 1
                assert (await cluster.types(run)).count("model.called") == 1
                assert_gap_free(await cluster.events(run.session_id))
            finally:
                await cluster.close()
        await store.close()
    finally:
        server.remove()


async def test_a_worker_that_hung_and_came_back_writes_nothing(cluster: Cluster) -> None:
    cluster.script({**held("slow"), "times": 1}, ANSWER)
    await cluster.start_beat()
    first = await cluster.start_worker(**SHORT_LEASE)
    run = await cluster.submit()
    await cluster.model.until_held("slow")
    await cluster.start_worker(**LONG_LEASE)
    freeze(first.pid)
    try:
        assert (await cluster.ended(run)).output == "four"
        before = await cluster.types(run)
    finally:
        first.send_signal(signal.SIGCONT)
    cluster.model.release("slow")
    await asyncio.sleep(1.0)
    assert await cluster.types(run) == before
    assert (await cluster.run(run)).generation == 2
    following = await cluster.ended(await cluster.submit())
    assert following.status == "succeeded"


async def test_the_threads_pool_executes_and_cancels_runs_too(cluster: Cluster) -> None:
    cluster.script({"when": {"user": "stall"}, "reply": {"text": "never", "hold": "stalled"}}, ANSWER)
    await cluster.start_worker(HORTUS_WORKER_POOL="threads", HORTUS_WORKER_CONCURRENCY="4")
    stalled = await cluster.submit("stall")
    await cluster.model.until_held("stalled")
    assert (await cluster.ended(await cluster.submit())).status == "succeeded"
    async with cluster.store.system_transaction() as uow:
        await uow.runs.request_cancel(cluster.tenant_id, stalled.id, reason="enough")
    assert (await cluster.ended(stalled)).status == "cancelled"
