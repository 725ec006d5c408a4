"""Traces over HTTP."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from backends import Caller, is_problem
from store_world import LEASE, new, thought

from hortus_agents.events import MessageCompleted, RunStarted, RunSucceeded, StepStarted
from hortus_agents.limits import Spent
from hortus_agents.messages import Usage
from hortus_server.domain.ids import RunId
from hortus_server.ports.store import Store
from hortus_server.services.purge_events import PurgeEvents


async def worked(store: Store, caller: Caller, steps: int) -> dict:
    """A run that ended after so many steps."""
    await caller.agent()
    run = (await caller.post("/v1/runs", {"agent": "helper", "input": "x"})).json()
    async with store.system_transaction() as uow:
        claim = await uow.runs.claim(RunId(UUID(run["id"])), worker_id="w1", lease=LEASE)
        ending = RunSucceeded(spent=Spent(steps=steps, model_calls=steps), usage=Usage(prompt_tokens=5))
        events = new(RunStarted(worker_id="w1", generation=1))
        for step in range(1, steps + 1):
            events += new(StepStarted(), thought(), step=step)
        events += new(MessageCompleted(message_id=uuid4(), content="done"), ending, step=steps)
        written = await uow.events.append(
            claim.run.tenant_id, claim.run.session_id, events, run_id=claim.run.id, generation=1
        )
        await uow.runs.finish(claim.run.id, 1, event=written[-1])
    return run


async def test_a_trace_tells_what_a_run_did(admin: Caller, stranger: Caller, store: Store):
    run = await worked(store, admin, 2)
    trace = (await admin.get(f"/v1/runs/{run['id']}/trace")).json()
    assert [(span["kind"], span["label"]) for span in trace["spans"]] == [
        ("queue", "waits for a worker (version 1)"),
        ("step", "step 1"),
        ("step", "step 2"),
        ("run", "succeeded"),
    ]
    (call,) = trace["spans"][1]["children"]
    assert (call["kind"], call["model"], call["tokens"]["prompt_tokens"]) == ("model", "scripted", 5)
    assert (trace["agent_version"], trace["models"], trace["next_after"]) == (1, ["scripted"], None)
    assert (trace["spent"]["model_calls"], trace["run"]["status"]) == (2, "succeeded")
    is_problem(await stranger.get(f"/v1/runs/{run['id']}/trace"), 404, "not_found")


async def test_a_long_run_comes_in_parts_cut_between_steps(admin: Caller, store: Store):
    run = await worked(store, admin, 5)
    labels, after = [], 0
    while after is not None:
        part = (await admin.get(f"/v1/runs/{run['id']}/trace?limit=6&after={after}")).json()
        labels.append([span["label"] for span in part["spans"]])
        assert all(len(span["children"]) == 1 for span in part["spans"] if span["kind"] == "step")
        after = part["next_after"]
    assert labels == [
        ["waits for a worker (version 1)", "step 1"],
        ["step 2", "step 3"],
        ["step 4", "step 5", "succeeded"],
    ]


@pytest.mark.parametrize("query", ["after=-1", "limit=0", "limit=5001", "until=1"])
async def test_odd_parts_are_refused(admin: Caller, query: str):
    is_problem(await admin.get(f"/v1/runs/{uuid4()}/trace?{query}"), 422, "invalid_request")


async def test_a_trace_says_that_retention_took_its_events(admin: Caller, store: Store):
    run = await worked(store, admin, 2)
    path = f"/v1/runs/{run['id']}/trace"
    assert (await admin.get(path)).json()["events_removed"] is False
    await PurgeEvents(store, timedelta(0))()
    trace = (await admin.get(path)).json()
    assert (trace["events_removed"], trace["spans"], trace["run"]["status"]) == (True, [], "succeeded")


async def test_a_calls_request_is_built_again_and_says_whether_it_is_what_was_sent(
    admin: Caller, stranger: Caller, store: Store
):
    run = await worked(store, admin, 1)
    events = (await admin.get(f"/v1/runs/{run['id']}/events")).json()["items"]
    called = next(event for event in events if event["type"] == "model.called")
    path = f"/v1/runs/{run['id']}/requests"
    found = (await admin.get(f"{path}/{called['seq']}")).json()
    assert [message["role"] for message in found["request"]["messages"]] == ["system", "user"]
    assert found["request"]["messages"][-1]["content"].endswith("x")
    assert found["sent_sha256"] == called["payload"]["prompt_sha256"]
    assert found["exact"] is (found["sha256"] == found["sent_sha256"])
    is_problem(await admin.get(f"{path}/{called['seq'] + 1}"), 404, "not_found")
    is_problem(await stranger.get(f"{path}/{called['seq']}"), 404, "not_found")
