"""Sessions, messages and runs: accepted means committed."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from backends import Caller, ListQueue, Writer, is_problem

from hortus_agents.events import NewEvent, RunStarted, RunSucceeded
from hortus_agents.limits import Spent
from hortus_agents.messages import Usage
from hortus_server.api.edge import Edge, EdgePorts
from hortus_server.domain.ids import RunId
from hortus_server.ports.store import Store
from hortus_server.services import wait_run


async def test_a_run_without_a_session_gets_one_and_its_log_begins_gap_free(admin: Caller, ports: EdgePorts):
    await admin.agent("helper")
    answer = await admin.post("/v1/runs", {"agent": "helper", "input": "What is MCMXCIV?\nPlease."})
    assert answer.status_code == 202
    run = answer.json()
    assert run["status"] == "queued"
    events = (await admin.get(f"/v1/sessions/{run['session_id']}/events")).json()
    assert [(event["seq"], event["type"]) for event in events["items"]] == [
        (1, "session.created"),
        (2, "message.created"),
        (3, "run.queued"),
    ]
    assert events["next_after"] == 3
    assert run["queued_seq"] == 3
    assert [event["run_id"] for event in events["items"]] == [None, run["id"], run["id"]]
    assert (await admin.get(f"/v1/sessions/{run['session_id']}")).json()["title"] == "What is MCMXCIV?"
    assert isinstance(ports.queue, ListQueue)
    assert ports.queue.runs == [UUID(run["id"])]


async def test_a_message_starts_a_run_in_its_session(admin: Caller):
    await admin.agent()
    session = await admin.session()
    answer = await admin.post(f"/v1/sessions/{session}/messages", {"content": "hello"})
    assert answer.status_code == 202
    assert answer.json()["session_id"] == str(session)
    events = (await admin.get(f"/v1/sessions/{session}/events?after=1")).json()["items"]
    assert [event["type"] for event in events] == ["message.created", "run.queued"]
    assert events[0]["payload"]["content"] == "hello"


async def test_limits_can_be_lowered_never_raised(admin: Caller):
    await admin.agent("helper", limits={"steps": 5, "tokens": 1000})
    run = (await admin.post("/v1/runs", {"agent": "helper", "input": "x", "limits": {"steps": 9, "tokens": 10}})).json()
    assert run["limits"]["steps"] == 5
    assert run["limits"]["tokens"] == 10
    assert run["limits"]["tool_calls"] == 64


async def test_a_run_needs_an_agent_or_a_session_and_no_contradiction(admin: Caller):
    await admin.agent("one")
    await admin.agent("two")
    session = await admin.session("one")
    is_problem(await admin.post("/v1/runs", {"input": "x"}), 422, "invalid_input")
    is_problem(await admin.post("/v1/runs", {"agent": "three", "input": "x"}), 404, "not_found")
    is_problem(await admin.post("/v1/runs", {"session_id": str(uuid4()), "input": "x"}), 404, "not_found")
    body = {"agent": "two", "session_id": str(session), "input": "x"}
    is_problem(await admin.post("/v1/runs", body), 422, "invalid_input")
    for wrong in ("", "  \n", "x" * 100_001):
        is_problem(await admin.post("/v1/runs", {"agent": "one", "input": wrong}), 413 if len(wrong) > 9 else 422,
                   "body_too_large" if len(wrong) > 9 else "invalid_request")  # fmt: skip
    assert (await admin.get("/v1/runs")).json()["items"] == []


async def test_a_full_queue_refuses_and_says_when_to_come_back(admin: Caller, edge: Edge, with_options, app):
    await admin.agent()
    app.state.edge = with_options(queue_depth=2)
    for _ in range(2):
        assert (await admin.post("/v1/runs", {"agent": "helper", "input": "x"})).status_code == 202
    refused = await admin.post("/v1/runs", {"agent": "helper", "input": "x"})
    document = is_problem(refused, 429, "limit_exceeded")
    assert document["limit"] == 2
    assert refused.headers["retry-after"] == "5"
    assert len((await admin.get("/v1/runs")).json()["items"]) == 2
    assert len((await admin.get("/v1/sessions")).json()["items"]) == 2


async def test_runs_are_listed_by_session_agent_and_status(admin: Caller):
    agent = await admin.agent("one")
    await admin.agent("two")
    first = (await admin.post("/v1/runs", {"agent": "one", "input": "x"})).json()
    second = (await admin.post("/v1/runs", {"agent": "two", "input": "x"})).json()
    await admin.post(f"/v1/runs/{second['id']}/cancel")

    async def ids(query: str) -> list[str]:
        return [run["id"] for run in (await admin.get(f"/v1/runs?{query}")).json()["items"]]

    assert await ids("limit=10") == [second["id"], first["id"]]
    assert await ids(f"agent_id={agent['id']}") == [first["id"]]
    assert await ids(f"session_id={second['session_id']}") == [second["id"]]
    assert await ids("status=cancelled") == [second["id"]]
    is_problem(await admin.get("/v1/runs?status=odd"), 422, "invalid_request")
    is_problem(await admin.get("/v1/runs?agent_id=odd"), 422, "invalid_request")


async def test_cancelling_a_queued_run_ends_it_at_once_and_wakes_the_next(admin: Caller, ports: EdgePorts):
    await admin.agent()
    session = await admin.session()
    first = (await admin.post(f"/v1/sessions/{session}/messages", {"content": "1"})).json()
    second = (await admin.post(f"/v1/sessions/{session}/messages", {"content": "2"})).json()
    assert isinstance(ports.queue, ListQueue)
    ports.queue.runs.clear()
    cancelled = (await admin.post(f"/v1/runs/{first['id']}/cancel", {"reason": "changed my mind"})).json()
    assert cancelled["status"] == "cancelled"
    assert cancelled["finished_at"]
    assert ports.queue.runs == [UUID(second["id"])]
    last = (await admin.get(f"/v1/runs/{first['id']}/events")).json()["items"][-1]
    assert last["type"] == "run.cancelled"
    assert last["payload"]["reason"] == "changed my mind"
    again = (await admin.post(f"/v1/runs/{first['id']}/cancel")).json()
    assert again["finished_at"] == cancelled["finished_at"]
    assert len((await admin.get(f"/v1/runs/{first['id']}/events")).json()["items"]) == 3


async def claim(store: Store, run_id: str) -> int:
    async with store.system_transaction() as uow:
        claimed = await uow.runs.claim(RunId(UUID(run_id)), worker_id="w", lease=timedelta(seconds=30))
    assert claimed is not None
    return claimed.generation


async def test_cancelling_a_running_run_marks_its_row_only(admin: Caller, store: Store):
    await admin.agent()
    run = (await admin.post("/v1/runs", {"agent": "helper", "input": "x"})).json()
    await claim(store, run["id"])
    signalled = (await admin.post(f"/v1/runs/{run['id']}/cancel")).json()
    assert signalled["status"] == "running"
    assert signalled["cancel_requested_at"]
    types = [event["type"] for event in (await admin.get(f"/v1/runs/{run['id']}/events")).json()["items"]]
    assert "run.cancelled" not in types


async def test_wait_returns_when_the_run_ends_and_not_later_than_asked(
    admin: Caller, store: Store, ports: EdgePorts, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(wait_run, "POLL_S", 60.0)
    await admin.agent()
    run = (await admin.post("/v1/runs", {"agent": "helper", "input": "x"})).json()
    started = asyncio.get_running_loop().time()
    still = (await admin.get(f"/v1/runs/{run['id']}/wait?timeout_s=0.2")).json()
    assert still["status"] == "queued"
    assert 0.2 <= asyncio.get_running_loop().time() - started < 15, "not the default of 30 s"
    generation = await claim(store, run["id"])
    waiting = asyncio.create_task(admin.get(f"/v1/runs/{run['id']}/wait?timeout_s=20"))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    writer = Writer(store, ports.live, admin.tenant_id, UUID(run["session_id"]))
    async with store.system_transaction() as uow:
        events = await uow.events.append(
            writer.tenant_id,
            writer.session_id,
            [_new(RunStarted(worker_id="w", generation=generation)), _new(RunSucceeded(spent=Spent(), usage=Usage()))],
            run_id=UUID(run["id"]),
            generation=generation,
        )
        await uow.runs.finish(UUID(run["id"]), generation, event=events[-1])
    async with asyncio.timeout(15):  # woken by the live channel, before the poll and the end of the wait
        while not waiting.done():  # it may not have subscribed yet
            await ports.live.publish_events(writer.tenant_id, writer.session_id, events)
            await asyncio.wait([waiting], timeout=0.1)
    assert waiting.result().json()["status"] == "succeeded"
    for wrong in ("-1", "61", "nan", "inf", "x"):
        is_problem(await admin.get(f"/v1/runs/{run['id']}/wait?timeout_s={wrong}"), 422, "invalid_request")


def _new(payload):
    return NewEvent(step=0, payload=payload)


async def test_steps_of_a_run_are_listed(admin: Caller):
    await admin.agent()
    run = (await admin.post("/v1/runs", {"agent": "helper", "input": "x"})).json()
    assert (await admin.get(f"/v1/runs/{run['id']}/steps")).json() == {"items": []}
    is_problem(await admin.get(f"/v1/runs/{uuid4()}/steps"), 404, "not_found")


async def test_deleting_a_session_is_refused_while_a_run_is_under_way(admin: Caller):
    await admin.agent()
    run = (await admin.post("/v1/runs", {"agent": "helper", "input": "x"})).json()
    path = f"/v1/sessions/{run['session_id']}"
    is_problem(await admin.delete(path), 409, "conflict")
    await admin.post(f"/v1/runs/{run['id']}/cancel")
    assert (await admin.delete(path)).status_code == 204
    is_problem(await admin.get(path), 404, "not_found")
    is_problem(await admin.get(f"/v1/runs/{run['id']}"), 404, "not_found")
    is_problem(await admin.delete(path), 404, "not_found")


async def test_events_are_read_by_cursor(admin: Caller, writer: Writer):
    path = f"/v1/sessions/{writer.session_id}/events"
    assert (await admin.get(f"{path}?after=1")).json() == {"items": [], "gaps": [], "next_after": 1}
    is_problem(await admin.get(f"{path}?after=2"), 422, "invalid_cursor")
    for query in ("after=-1", "after=x", "after=1.5", f"after={2**63}", "limit=0", "limit=1001", "from=1"):
        is_problem(await admin.get(f"{path}?{query}"), 422, "invalid_request")
    is_problem(await admin.get(f"/v1/sessions/{uuid4()}/events"), 404, "not_found")


async def test_another_tenant_sees_no_session_run_or_event(admin: Caller, stranger: Caller):
    await admin.agent()
    await stranger.agent()
    run = (await admin.post("/v1/runs", {"agent": "helper", "input": "x"})).json()
    session = f"/v1/sessions/{run['session_id']}"
    for path in (session, f"{session}/events", f"/v1/runs/{run['id']}", f"/v1/runs/{run['id']}/events",
                 f"/v1/runs/{run['id']}/wait?timeout_s=0", f"/v1/runs/{run['id']}/steps"):  # fmt: skip
        is_problem(await stranger.get(path), 404, "not_found")
    is_problem(await stranger.post(f"{session}/messages", {"content": "x"}), 404, "not_found")
    is_problem(await stranger.post(f"/v1/runs/{run['id']}/cancel"), 404, "not_found")
    is_problem(await stranger.post("/v1/runs", {"session_id": run["session_id"], "input": "x"}), 404, "not_found")
    is_problem(await stranger.delete(session), 404, "not_found")
    sse = await stranger.get(f"{session}/events", headers={"Accept": "text/event-stream"})
    is_problem(sse, 404, "not_found")
    for path in ("/v1/runs", "/v1/sessions"):
        assert (await stranger.get(path)).json()["items"] == []
    assert (await admin.get(f"/v1/runs/{run['id']}")).json()["status"] == "queued"
