"""Pause, resume, stop, freeze over HTTP: rows change at once, whether or not any worker is there."""

from backends import Caller, is_problem
from httpx import Response


async def submit(admin: Caller, agent: str = "helper") -> str:
    answer = await admin.post("/v1/runs", {"agent": agent, "input": "x"})
    assert answer.status_code == 202, answer.text
    run_id: str = answer.json()["id"]
    return run_id


async def types(admin: Caller, run_id: str) -> list[str]:
    return [event["type"] for event in (await admin.get(f"/v1/runs/{run_id}/events")).json()["items"]]


def status_of(answer: Response) -> str:
    assert answer.status_code == 200, answer.text
    status: str = answer.json()["status"]
    return status


async def test_a_queued_run_is_parked_resumed_and_cancelled(admin: Caller) -> None:
    await admin.agent()
    run_id = await submit(admin)
    paused = await admin.post(f"/v1/runs/{run_id}/pause", {"reason": "look first"})
    assert status_of(paused) == "waiting"
    assert paused.json()["waiting_for"] == {
        "kind": "paused", "detail": "look first", "ref_id": None, "due_at": None,
    }  # fmt: skip
    assert status_of(await admin.post(f"/v1/runs/{run_id}/pause", {"reason": "again"})) == "waiting"
    resumed = await admin.post(f"/v1/runs/{run_id}/resume", {"reason": "fine"})
    assert status_of(resumed) == "queued"
    assert resumed.json()["waiting_for"] is None
    assert await types(admin, run_id) == ["message.created", "run.queued", "run.waiting", "run.resumed"]
    await admin.post(f"/v1/runs/{run_id}/pause", {})
    assert status_of(await admin.post(f"/v1/runs/{run_id}/cancel", {})) == "cancelled"
    is_problem(await admin.post(f"/v1/runs/{run_id}/resume", {}), 409, "conflict")
    assert status_of(await admin.post(f"/v1/runs/{run_id}/pause", {})) == "cancelled"


async def test_an_agent_is_stopped_as_a_whole(admin: Caller) -> None:
    await admin.agent("one")
    await admin.agent("two")
    mine, other = await submit(admin, "one"), await submit(admin, "two")
    parked = await submit(admin, "one")
    await admin.post(f"/v1/runs/{parked}/pause", {})
    answer = await admin.post("/v1/agents/one/stop", {"action": "cancel", "reason": "unsafe"})
    assert answer.json()["cancelled"] == 2
    assert status_of(await admin.get(f"/v1/runs/{mine}")) == "cancelled"
    assert status_of(await admin.get(f"/v1/runs/{parked}")) == "cancelled"
    assert status_of(await admin.get(f"/v1/runs/{other}")) == "queued"
    placed = await admin.post("/v1/agents/two/stop", {"action": "pause", "reason": "wait"})
    assert placed.json()["order"]["scope"] == "agent"
    again = await admin.post("/v1/agents/two/stop", {"action": "pause", "reason": "twice"})
    assert again.json()["order"]["id"] == placed.json()["order"]["id"]
    is_problem(await admin.post(f"/v1/runs/{other}/resume", {}), 409, "conflict")
    lifted = await admin.delete("/v1/agents/two/stop")
    assert lifted.json()["order"]["lifted_by"].startswith("test (")
    is_problem(await admin.delete("/v1/agents/two/stop"), 404, "not_found")
    is_problem(await admin.post("/v1/agents/three/stop", {"action": "pause", "reason": "x"}), 404, "not_found")
    is_problem(await admin.post("/v1/agents/two/stop", {"action": "explode", "reason": "x"}), 422, "invalid_request")


async def test_a_freeze_is_placed_once_seen_and_lifted(admin: Caller) -> None:
    assert (await admin.get("/v1/admin/freeze")).json() == {"frozen": False, "order": None}
    placed = (await admin.post("/v1/admin/freeze", {"reason": "mails were sent"})).json()
    assert placed["frozen"]
    assert (await admin.get("/v1/admin/freeze")).json() == placed
    assert (await admin.delete("/v1/admin/freeze")).json()["frozen"] is False
    is_problem(await admin.delete("/v1/admin/freeze"), 404, "not_found")
    is_problem(await admin.post("/v1/admin/freeze", {}), 422, "invalid_request")


async def test_what_is_in_force_is_listed_until_it_is_lifted(admin: Caller) -> None:
    await admin.agent("one")
    assert (await admin.get("/v1/stops")).json() == {"items": []}
    await admin.post("/v1/agents/one/stop", {"action": "pause", "reason": "wait"})
    await admin.post("/v1/admin/stop", {"action": "pause", "reason": "all wait"})
    await admin.post("/v1/admin/freeze", {"reason": "mails were sent"})
    listed = (await admin.get("/v1/stops")).json()["items"]
    assert [(order["kind"], order["scope"], order["own"]) for order in listed] == [
        ("freeze", "all", True),
        ("pause", "tenant", True),
        ("pause", "agent", True),
    ]
    await admin.delete("/v1/agents/one/stop")
    await admin.delete("/v1/admin/stop")
    await admin.delete("/v1/admin/freeze")
    assert (await admin.get("/v1/stops")).json() == {"items": []}


async def test_what_was_lifted_stays_on_record(admin: Caller, stranger: Caller) -> None:
    assert (await admin.get("/v1/stops/lifted")).json()["items"] == []
    await admin.post("/v1/admin/stop", {"action": "pause", "reason": "look first"})
    await admin.delete("/v1/admin/stop")
    await admin.post("/v1/admin/stop", {"action": "pause", "reason": "again"})
    (order,) = (await admin.get("/v1/stops/lifted")).json()["items"]
    assert (order["reason"], order["scope"], order["lifted_by"]) == ("look first", "tenant", order["placed_by"])
    assert order["lifted_at"] >= order["placed_at"]
    assert (await stranger.get("/v1/stops/lifted")).json()["items"] == []
