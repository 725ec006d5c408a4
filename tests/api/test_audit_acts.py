"""Every administrative act leaves its entry, under the name of whoever did it."""

import pytest
from backends import Caller


async def acts(admin: Caller) -> list[tuple[str, str]]:
    page = (await admin.get("/v1/audit", params={"limit": 200})).json()
    assert {entry["actor"]["name"] for entry in page["items"]} == {"test"}
    assert {entry["actor"]["kind"] for entry in page["items"]} == {"key"}
    return [(entry["action"], entry["subject"]) for entry in reversed(page["items"])]


async def done(answer):
    assert (await answer).is_success
    return answer


async def made(admin: Caller, path: str, body: dict) -> str:
    answer = await admin.post(path, body)
    assert answer.status_code in {201, 202}, answer.text
    return str(answer.json()["id"])


async def test_agents(admin: Caller):
    agent = await made(admin, "/v1/agents", {"name": "helper", "spec": {}})
    await admin.post("/v1/agents/helper/versions", {"spec": {"instructions": "Be brief."}})
    await admin.post("/v1/agents/helper/pin", {"version": 1})
    assert await acts(admin) == [
        ("agent.created", f"agent:{agent}"),
        ("agent.version_added", f"agent:{agent}"),
        ("agent.pinned", f"agent:{agent}"),
    ]
    (pinned,) = (await admin.get("/v1/audit", params={"action": "agent.pinned"})).json()["items"]
    assert pinned["detail"] == {"name": "helper", "version": 1, "before": 2}


async def test_an_act_that_failed_leaves_no_entry(admin: Caller):
    await made(admin, "/v1/agents", {"name": "helper", "spec": {}})
    assert (await admin.post("/v1/agents", {"name": "helper", "spec": {}})).status_code == 409
    assert (await admin.post("/v1/agents/helper/pin", {"version": 7})).status_code == 404
    assert [action for action, _ in await acts(admin)] == ["agent.created"]


async def test_a_repeated_create_is_one_act(admin: Caller):
    for _ in range(2):
        headers = {"Idempotency-Key": "once"}
        assert (await admin.post("/v1/agents", {"name": "helper", "spec": {}}, headers=headers)).status_code == 201
    assert [action for action, _ in await acts(admin)] == ["agent.created"]


async def test_stops_of_all_reaches(admin: Caller):
    agent = await made(admin, "/v1/agents", {"name": "helper", "spec": {}})
    for path in ("/v1/agents/helper/stop", "/v1/admin/stop"):
        await admin.post(path, {"action": "pause", "reason": "look"})
        await admin.call("DELETE", path)
    await admin.post("/v1/agents/helper/stop", {"action": "cancel", "reason": "enough"})
    await admin.post("/v1/admin/freeze", {"reason": "fire"})
    await admin.call("DELETE", "/v1/admin/freeze")
    assert [action for action, _ in (await acts(admin))[1:]] == [
        "stop.placed",
        "stop.lifted",
        "stop.placed",
        "stop.lifted",
        "runs.cancelled",
        "stop.placed",
        "stop.lifted",
    ]
    subjects = [subject.partition(":")[0] for _, subject in (await acts(admin))[1:]]
    assert subjects == ["agent", "agent", "tenant", "tenant", "agent", "all", "all"]
    assert (await acts(admin))[1][1] == f"agent:{agent}"


async def test_runs_that_a_person_stops(admin: Caller):
    await admin.agent()
    run = await made(admin, "/v1/runs", {"agent": "helper", "input": "x"})
    await admin.post(f"/v1/runs/{run}/pause")
    await admin.post(f"/v1/runs/{run}/resume")
    await admin.post(f"/v1/runs/{run}/requeue")
    await admin.post(f"/v1/runs/{run}/cancel", {"reason": "enough"})
    assert (await acts(admin))[1:] == [
        (action, f"run:{run}") for action in ("run.paused", "run.resumed", "run.requeued", "run.cancelled")
    ]


async def test_limits_of_the_tenant(admin: Caller):
    await admin.call("PUT", "/v1/admin/admission", json={"weight": 3})
    await admin.call("PUT", "/v1/admin/budget", json={"tokens_per_day": 1_000})
    assert [action for action, _ in await acts(admin)] == ["admission.changed", "budget.changed"]


async def test_webhooks(admin: Caller):
    hook = await made(admin, "/v1/webhooks", {"url": "https://example.org/hook", "events": ["run.*"]})
    await admin.call("PATCH", f"/v1/webhooks/{hook}", json={"enabled": False})
    await admin.post(f"/v1/webhooks/{hook}/secret")
    await admin.call("DELETE", f"/v1/webhooks/{hook}")
    assert await acts(admin) == [
        (f"webhook.{what}", f"webhook:{hook}") for what in ("created", "changed", "secret_rotated", "deleted")
    ]


async def test_schedules(admin: Caller):
    await admin.agent()
    body = {"name": "daily", "agent": "helper", "input": "x", "timing": {"kind": "interval", "every_s": 3600}}
    schedule = await made(admin, "/v1/schedules", body)
    await admin.call("PATCH", f"/v1/schedules/{schedule}", json={"input": "y"})
    for what in ("pause", "pause", "resume"):
        await admin.post(f"/v1/schedules/{schedule}/{what}")
    await admin.call("DELETE", f"/v1/schedules/{schedule}")
    assert (await acts(admin))[1:] == [
        (f"schedule.{what}", f"schedule:{schedule}") for what in ("created", "changed", "paused", "resumed", "deleted")
    ]


async def test_what_is_deleted(admin: Caller):
    await admin.agent()
    session = await admin.session()
    await admin.call("DELETE", f"/v1/sessions/{session}")
    assert (await acts(admin))[-1] == ("session.deleted", f"session:{session}")


async def test_workers(admin: Caller):
    worker = (await admin.get("/v1/admin/workers")).json()["items"][0]["id"]
    await admin.post(f"/v1/admin/workers/{worker}/drain")
    await admin.post(f"/v1/admin/workers/{worker}/resume")
    assert await acts(admin) == [("worker.drained", f"worker:{worker}"), ("worker.resumed", f"worker:{worker}")]


@pytest.mark.parametrize("route", ["/v1/audit/verify"])
async def test_all_of_it_is_one_chain(admin: Caller, route: str):
    for weight in (2, 3, 4):
        await admin.call("PUT", "/v1/admin/admission", json={"weight": weight})
    report = (await admin.post(route)).json()
    assert (report["intact"], report["entries"]) == (True, 3)
