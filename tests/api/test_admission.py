"""A tenant's share of the workers and its limits, over HTTP."""

import asyncio

from backends import Caller, ListQueue, is_problem

ADMISSION = "/v1/admin/admission"
NOTHING_SET = {"weight": 1, "max_concurrent_runs": None, "max_queued_runs": None, "running": 0, "queued": 0}


async def submit(caller: Caller, **more):
    return await caller.post("/v1/runs", {"agent": "helper", "input": "x", **more})


async def test_weights_and_limits_are_set_and_shown(admin: Caller, stranger: Caller):
    await admin.agent()
    await submit(admin)
    assert (await admin.get(ADMISSION)).json() == {**NOTHING_SET, "queued": 1}
    put = await admin.call("PUT", ADMISSION, json={"weight": 3, "max_concurrent_runs": 2})
    assert put.json() == {**NOTHING_SET, "weight": 3, "max_concurrent_runs": 2, "queued": 1}
    assert (await stranger.get(ADMISSION)).json() == NOTHING_SET
    for wrong in ({"weight": 0}, {"weight": 1001}, {"max_concurrent_runs": 0}, {"most": 1}):
        is_problem(await admin.call("PUT", ADMISSION, json=wrong), 422, "invalid_request")


async def test_only_administrators_may_set_them(make_caller):
    caller = await make_caller("runs:write")
    is_problem(await caller.call("PUT", ADMISSION, json={}), 403, "forbidden")


async def test_a_higher_limit_wakes_what_waits(admin: Caller, ports):
    await admin.agent()
    assert isinstance(ports.queue, ListQueue)
    waiting = [(await submit(admin)).json()["id"] for _ in range(3)]
    ports.queue.runs.clear()
    await admin.call("PUT", ADMISSION, json={"max_concurrent_runs": 2})
    assert [str(run) for run in ports.queue.runs] == waiting[:2]


async def test_a_tenants_own_bound_of_its_queue_refuses_before_anything_is_written(admin: Caller, stranger: Caller):
    await admin.agent()
    await stranger.agent()
    await admin.call("PUT", ADMISSION, json={"max_queued_runs": 1})
    assert (await submit(admin)).status_code == 202
    refused = await submit(admin)
    assert is_problem(refused, 429, "limit_exceeded")["limit"] == 1
    assert refused.headers["retry-after"] == "5"
    assert len((await admin.get("/v1/sessions")).json()["items"]) == 1
    assert (await submit(stranger)).status_code == 202


async def test_submissions_at_the_same_moment_do_not_exceed_the_bound(admin: Caller):
    await admin.agent()
    await admin.call("PUT", ADMISSION, json={"max_queued_runs": 5})
    answers = await asyncio.gather(*(submit(admin) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [202] * 5 + [429] * 7
    assert (await admin.get(ADMISSION)).json()["queued"] == 5


async def test_a_run_tells_its_priority(admin: Caller):
    await admin.agent()
    assert (await submit(admin)).json()["priority"] == "interactive"
    batch = (await submit(admin, priority="batch")).json()
    assert (await admin.get(f"/v1/runs/{batch['id']}")).json()["priority"] == "batch"
    session = await admin.session()
    said = await admin.post(f"/v1/sessions/{session}/messages", {"content": "x", "priority": "batch"})
    assert said.json()["priority"] == "batch"
    is_problem(await submit(admin, priority="urgent"), 422, "invalid_request")
