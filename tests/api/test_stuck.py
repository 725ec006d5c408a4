"""Stuck runs over HTTP."""

from dataclasses import replace
from datetime import timedelta

import pytest
from backends import Caller, ListQueue, is_problem
from serving import OPTIONS

from hortus_server.api.edge import EdgePorts, make_edge
from hortus_server.domain.stuck import Patience


@pytest.fixture
def impatient(app, ports: EdgePorts) -> None:
    app.state.edge = make_edge(replace(OPTIONS, patience=Patience(*[timedelta(0)] * 4)), ports)


async def submit(caller: Caller):
    await caller.agent()
    return (await caller.post("/v1/runs", {"agent": "helper", "input": "x"})).json()


@pytest.mark.usefixtures("impatient")
async def test_a_stuck_run_is_listed_with_its_reason_and_requeued(admin: Caller, stranger: Caller, ports: EdgePorts):
    run = await submit(admin)
    (stuck,) = (await admin.get("/v1/runs/stuck")).json()["items"]
    assert (stuck["run_id"], stuck["status"], stuck["last_event"]["type"]) == (run["id"], "queued", "run.queued")
    assert [reason["cause"] for reason in stuck["reasons"]] == ["no_worker"]
    assert (await stranger.get("/v1/runs/stuck")).json() == {"items": [], "next_cursor": None}
    assert isinstance(ports.queue, ListQueue)
    ports.queue.runs.clear()
    requeued = await admin.post(f"/v1/runs/{run['id']}/requeue")
    assert (requeued.status_code, requeued.json()["status"]) == (200, "queued")
    assert [str(one) for one in ports.queue.runs] == [run["id"]]
    is_problem(await stranger.post(f"/v1/runs/{run['id']}/requeue"), 404, "not_found")
    is_problem(await admin.post(f"/v1/runs/{run['id']}/requeue", {"hard": True}), 422, "invalid_request")
    await admin.post(f"/v1/runs/{run['id']}/cancel")
    is_problem(await admin.post(f"/v1/runs/{run['id']}/requeue"), 409, "conflict")


@pytest.mark.usefixtures("impatient")
async def test_the_metrics_count_stuck_runs_without_naming_a_tenant(admin: Caller):
    await submit(admin)
    lines = (await admin.get("/metrics")).text.splitlines()
    assert 'hortus_runs_stuck{status="queued"} 1.0' in lines
    assert 'hortus_runs_stuck{status="running"} 0.0' in lines


async def test_a_run_that_was_just_queued_is_not_stuck(admin: Caller):
    await submit(admin)
    assert (await admin.get("/v1/runs/stuck")).json()["items"] == []
    is_problem(await admin.get("/v1/runs/stuck?cursor=x"), 422, "invalid_cursor")
