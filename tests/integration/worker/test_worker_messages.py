"""Steering, interrupting and rolling back on real worker processes: what the model is asked, and what it is spared."""

import signal
from typing import Any

import httpx
import pytest
from cluster import SPEC, Cluster, assert_gap_free, until
from worker_scripts import ANSWER, CALL, WITH_TOOL, held

from hortus_agents.events import Event, MessageCompleted, ModelCalled, RunCancelled
from hortus_server.adapters.celery.wakeups import open_wakeups
from hortus_server.domain.records import MessagePolicy, Run
from hortus_server.services.create_once import Once
from hortus_server.services.steer_run import SteerRun, steered_json
from hortus_server.services.submit_run import RunRequest, SubmitRun

WORDS = " ".join(f"word{number}" for number in range(60))


class Silent:
    """Nobody is told of anything live."""

    async def publish_events(self, *_: Any) -> None:
        pass


NOBODY: Any = Silent()


async def steer(cluster: Cluster, run: Run, text: str) -> None:
    once: Once[Any] = Once(None, "route", b"", 202, steered_json)
    await SteerRun(cluster.store, NOBODY)(cluster.tenant_id, run.id, content=text, once=once)


async def say(cluster: Cluster, after: Run, text: str, policy: MessagePolicy) -> Run:
    """A message to the run's session, as an API process takes it."""
    async with open_wakeups(cluster.broker.url, timeout_s=3) as queue:
        submit = SubmitRun(cluster.store, queue, NOBODY, 1000)
        request = RunRequest(text, session_id=after.session_id, message_policy=policy)
        async with cluster.store.system_transaction() as uow:
            accepted = await submit.accept(uow, cluster.tenant_id, request)
        await submit.announce(accepted)
    return accepted.run


def prompt(cluster: Cluster, run: Run, call: int) -> list[tuple[str, str]]:
    """What the model was asked in one call of a run, less the system text."""
    messages = cluster.calls_of(run)[call].body["messages"]
    return [(message["role"], message["content"]) for message in messages[1:]]


async def of(cluster: Cluster, run: Run) -> list[Event]:
    events = await cluster.events(run.session_id)
    assert_gap_free(events)
    return [event for event in events if event.run_id == run.id]


async def writing(cluster: Cluster, run: Run) -> None:
    """Wait until the model has written a part of its answer."""
    await until(lambda: any(call.tokens_sent > 6 for call in cluster.calls_of(run)), why=cluster.logs)


async def running_requests(cluster: Cluster) -> float:
    async with httpx.AsyncClient(trust_env=False) as client:
        text = (await client.get(cluster.model.base_url.removesuffix("/v1") + "/metrics")).text
    line = next(line for line in text.splitlines() if line.startswith("vllm:num_requests_running"))
    return float(line.split()[-1])


@pytest.mark.asyncio(loop_scope="module")
async def test_a_running_agent_sees_what_it_is_told_at_its_next_step(running: Cluster) -> None:
    await running.use(WITH_TOOL)
    running.script({**CALL, "reply": {**CALL["reply"], "hold": "thinking"}}, ANSWER)
    run = await running.submit("what is two and two?")
    await running.model.until_held("thinking")
    await steer(running, run, "in Latin, please")
    running.model.release("thinking")
    assert (await running.ended(run)).status == "succeeded"
    first, second = prompt(running, run, 0), prompt(running, run, 1)
    assert second[: len(first)] == first, "the prompt grew at its end only"
    assert second[-1] == ("user", "in Latin, please")
    assert "in Latin" not in str(first)
    heard = [event.payload.heard for event in await of(running, run) if isinstance(event.payload, ModelCalled)]
    assert [len(each) for each in heard] == [0, 1]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_run_that_is_just_answering_does_one_more_step(running: Cluster) -> None:
    await running.use(SPEC)
    again = {"when": {"turn": 1}, "reply": {"json": {"answer": "quattuor"}}}
    running.script(held("answering"), again)
    run = await running.submit("what is two and two?")
    await running.model.until_held("answering")
    await steer(running, run, "in Latin, please")
    running.model.release("answering")
    ended = await running.ended(run)
    assert (ended.status, ended.output) == ("succeeded", "quattuor")
    assert [role for role, _ in prompt(running, run, 1)] == ["user", "assistant", "user"]
    events = await of(running, run)
    said = [event.payload.content for event in events if isinstance(event.payload, MessageCompleted)]
    assert said == ["four and some more words", "quattuor"]
    assert [event.type for event in events].count("run.succeeded") == 1


@pytest.mark.asyncio(loop_scope="module")
async def test_an_interrupt_frees_the_model_at_once_and_the_next_run_starts(running: Cluster) -> None:
    await running.use(SPEC)
    slow = {"when": {"turn": 0}, "reply": {"json": {"answer": WORDS}, "tokens_per_s": 4}}
    running.script(slow, {"reply": {"json": {"answer": "as you like"}, "hold": "second"}})
    first = await running.submit("count")
    await writing(running, first)
    assert await running_requests(running) == 1
    second = await say(running, first, "rather not", "interrupt")
    await until(lambda: running.calls_of(first)[0].cancelled, why=running.logs)
    await running.model.until_held("second")
    assert await running_requests(running) == 0, "the model is spared the rest; the new run's request is only held"
    running.model.release("second")
    assert (await running.ended(second)).output == "as you like"
    stopped = await running.run(first)
    assert stopped.status == "cancelled"
    (ending,) = [event.payload for event in await of(running, first) if isinstance(event.payload, RunCancelled)]
    assert WORDS.startswith(ending.partial_output)
    assert prompt(running, second, 0) == [
        ("user", "count"), ("assistant", ending.partial_output), ("user", "rather not"),
    ]  # fmt: skip


@pytest.mark.asyncio(loop_scope="module")
async def test_after_a_rollback_the_prompt_holds_nothing_of_what_was_undone(running: Cluster) -> None:
    await running.use(SPEC)
    running.script(ANSWER)
    kept = await running.ended(await running.submit("what is two and two?"))
    running.script({"reply": {"json": {"answer": WORDS}, "tokens_per_s": 4}})
    undone = await say(running, kept, "count", "enqueue")
    queued = await say(running, kept, "and count again", "enqueue")
    await writing(running, undone)
    await steer(running, undone, "faster")
    running.script({"reply": {"json": {"answer": "done"}}})
    last = await say(running, kept, "forget it", "rollback")
    assert (await running.ended(last)).status == "succeeded"
    assert prompt(running, last, 0) == [
        ("user", "what is two and two?"), ("assistant", "four"), ("user", "forget it"),
    ]  # fmt: skip
    for run in (undone, queued):
        row = await running.run(run)
        assert row.status == "cancelled"
        assert row.rolled_back_at is not None
        assert "run.rolled_back" in [event.type for event in await of(running, run)]


async def test_what_a_run_was_told_survives_its_worker(cluster: Cluster) -> None:
    cluster.script({**CALL, "reply": {**CALL["reply"], "hold": "thinking"}}, ANSWER)
    await cluster.use(WITH_TOOL)
    worker = await cluster.start_worker_and_beat()
    run = await cluster.submit("what is two and two?")
    await cluster.model.until_held("thinking")
    await steer(cluster, run, "in Latin, please")
    worker.send_signal(signal.SIGKILL)
    await until(lambda: cluster.model.requests[0].cancelled)
    cluster.script(ANSWER)
    await cluster.start_worker()
    assert (await cluster.ended(run)).status == "succeeded"
    events = await of(cluster, run)
    asked = prompt(cluster, run, -1)
    assert asked == [("user", "what is two and two?"), ("user", "in Latin, please")]
    assert [event.type for event in events].count("message.created") == 2
