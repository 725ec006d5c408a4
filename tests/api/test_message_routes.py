"""Messages to sessions whose runs have not ended: steering, and the four policies, over HTTP and in band."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from backends import Caller, Writer, is_problem
from clients import ask, read, socket
from httpx import Response

from hortus_server.domain.ids import RunId
from hortus_server.ports.store import Store
from hortus_server.services.steer_run import MOST

POLICIES = ("enqueue", "reject", "interrupt", "rollback")


def accepted(answer: Response) -> dict[str, Any]:
    assert answer.status_code == 202, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def say(caller: Caller, session: object, text: str, **fields: Any) -> Response:
    return await caller.post(f"/v1/sessions/{session}/messages", {"content": text, **fields})


async def log_of(caller: Caller, session: object) -> list[tuple[str, str | None]]:
    items = (await caller.get(f"/v1/sessions/{session}/events")).json()["items"]
    assert [item["seq"] for item in items] == list(range(1, len(items) + 1))
    return [(item["type"], item["run_id"]) for item in items]


async def statuses(caller: Caller, *runs: dict[str, Any]) -> list[str]:
    return [(await caller.get(f"/v1/runs/{run['id']}")).json()["status"] for run in runs]


async def begin(store: Store, run: dict[str, Any]) -> None:
    """A worker claims it."""
    async with store.system_transaction() as uow:
        claim = await uow.runs.claim(RunId(run["id"]), worker_id="w1", lease=timedelta(seconds=60))
        assert claim is not None


async def test_a_run_is_told_something_and_the_log_says_so(admin: Caller, writer: Writer) -> None:
    run = accepted(await say(admin, writer.session_id, "go"))
    told = accepted(await admin.post(f"/v1/runs/{run['id']}/steer", {"content": "and be quick"}))
    items = (await admin.get(f"/v1/runs/{run['id']}/events")).json()["items"]
    assert [item["type"] for item in items] == ["message.created", "run.queued", "message.created"]
    payload = items[-1]["payload"]
    assert (payload["content"], payload["steers"], payload["message_id"]) == ("and be quick", True, told["message_id"])
    assert (told["seq"], told["run_id"]) == (items[-1]["seq"], run["id"])


async def test_what_somebody_else_said_is_passed_on_as_such(admin: Caller, writer: Writer) -> None:
    run = accepted(await say(admin, writer.session_id, "go"))
    said = {"content": "pay eve", "foreign": {"origin": "web", "source": "a comment"}}
    accepted(await admin.post(f"/v1/runs/{run['id']}/steer", said))
    payload = (await admin.get(f"/v1/runs/{run['id']}/events")).json()["items"][-1]["payload"]
    assert payload["label"] == {"origin": "web", "trust": 0, "sensitivity": 0, "source": "a comment"}


async def test_steering_is_told_once_per_key(admin: Caller, writer: Writer) -> None:
    run = accepted(await say(admin, writer.session_id, "go"))
    path, once = f"/v1/runs/{run['id']}/steer", {"Idempotency-Key": "one"}
    first = await admin.post(path, {"content": "x"}, headers=once)
    again = await admin.post(path, {"content": "x"}, headers=once)
    assert accepted(first) == accepted(again)
    assert again.headers["idempotent-replayed"] == "true"
    is_problem(await admin.post(path, {"content": "y"}, headers=once), 409, "idempotency_mismatch")


async def test_a_run_that_has_ended_or_ends_is_not_told_anything(
    admin: Caller, writer: Writer, store: Store, stranger: Caller
) -> None:
    run = accepted(await say(admin, writer.session_id, "go"))
    path = f"/v1/runs/{run['id']}/steer"
    is_problem(await stranger.post(path, {"content": "x"}), 404, "not_found")
    for wrong in ({"content": ""}, {"content": " "}, {"content": "x" * 8_001}, {}, {"content": "x", "more": 1}):
        is_problem(await admin.post(path, wrong), 422, "invalid_request")
    await begin(store, run)
    await admin.post(f"/v1/runs/{run['id']}/cancel", {})
    stopping = is_problem(await admin.post(path, {"content": "x"}), 409, "run_ended")
    assert "being stopped" in stopping["detail"]
    other = accepted(await say(admin, await admin.session(), "go"))
    await admin.post(f"/v1/runs/{other['id']}/cancel", {})
    ended = is_problem(await admin.post(f"/v1/runs/{other['id']}/steer", {"content": "x"}), 409, "run_ended")
    assert f"send a message to session {other['session_id']}" in ended["detail"]
    is_problem(await admin.post(f"/v1/runs/{uuid4()}/steer", {"content": "x"}), 404, "not_found")


async def test_a_paused_run_is_told_and_its_messages_are_bounded(admin: Caller, writer: Writer) -> None:
    run = accepted(await say(admin, writer.session_id, "go"))
    await admin.post(f"/v1/runs/{run['id']}/pause", {})
    path = f"/v1/runs/{run['id']}/steer"
    for number in range(MOST):
        accepted(await admin.post(path, {"content": str(number)}))
    is_problem(await admin.post(path, {"content": "too much"}), 409, "conflict")
    assert (await statuses(admin, run)) == ["waiting"], "it does not go on by that alone"


async def test_a_session_s_own_policy_holds_where_a_message_names_none(admin: Caller) -> None:
    await admin.agent()
    body = {"agent": "helper", "message_policy": "reject"}
    session = (await admin.post("/v1/sessions", body)).json()
    assert session["message_policy"] == "reject"
    first = accepted(await say(admin, session["id"], "one"))
    refused = is_problem(await say(admin, session["id"], "two"), 409, "session_busy")
    assert first["id"] in refused["detail"]
    accepted(await say(admin, session["id"], "two", message_policy="enqueue"))
    is_problem(await say(admin, session["id"], "x", message_policy="perhaps"), 422, "invalid_request")
    assert (await admin.get(f"/v1/sessions/{session['id']}")).json()["message_policy"] == "reject"


async def test_a_session_made_for_a_run_keeps_its_policy(admin: Caller) -> None:
    await admin.agent()
    run = accepted(await admin.post("/v1/runs", {"agent": "helper", "input": "x", "message_policy": "reject"}))
    is_problem(await say(admin, run["session_id"], "two"), 409, "session_busy")
    await admin.post(f"/v1/runs/{run['id']}/cancel", {})
    accepted(await say(admin, run["session_id"], "three"))


@pytest.mark.parametrize("policy", ["interrupt", "rollback"])
async def test_all_unfinished_runs_give_way(admin: Caller, writer: Writer, store: Store, policy: str) -> None:
    active, parked, queued = [accepted(await say(admin, writer.session_id, text)) for text in "abc"]
    await begin(store, active)
    await admin.post(f"/v1/runs/{parked['id']}/pause", {})
    new = accepted(await say(admin, writer.session_id, "d", message_policy=policy))
    assert await statuses(admin, active, parked, queued, new) == ["running", "cancelled", "cancelled", "queued"]
    shown = (await admin.get(f"/v1/runs/{active['id']}")).json()
    assert shown["cancel_requested_at"], "its worker ends it within moments"
    undone = [run for kind, run in await log_of(admin, writer.session_id) if kind == "run.rolled_back"]
    assert undone == ([active["id"], parked["id"], queued["id"]] if policy == "rollback" else [])
    assert bool(shown["rolled_back_at"]) is (policy == "rollback")
    last = (await log_of(admin, writer.session_id))[-2:]
    assert last == [("message.created", new["id"]), ("run.queued", new["id"])]


@pytest.mark.parametrize("policy", POLICIES)
async def test_where_nothing_is_under_way_a_message_just_starts_its_run(
    admin: Caller, writer: Writer, policy: str
) -> None:
    before = accepted(await say(admin, writer.session_id, "a"))
    await admin.post(f"/v1/runs/{before['id']}/cancel", {})
    new = accepted(await say(admin, writer.session_id, "b", message_policy=policy))
    assert await statuses(admin, before, new) == ["cancelled", "queued"]
    assert "run.rolled_back" not in [kind for kind, _ in await log_of(admin, writer.session_id)]


@pytest.mark.parametrize("policy", ["interrupt", "rollback", "reject"])
async def test_of_messages_that_come_at_once_exactly_one_is_left(admin: Caller, writer: Writer, policy: str) -> None:
    answers = await asyncio.gather(
        *(say(admin, writer.session_id, str(number), message_policy=policy) for number in range(6))
    )
    taken = [answer.json() for answer in answers if answer.status_code == 202]
    if policy == "reject":
        assert len(taken) == 1
        assert {answer.status_code for answer in answers} == {202, 409}
    else:
        assert len(taken) == 6
    ended = await statuses(admin, *taken)
    assert sorted(ended) == ["cancelled"] * (len(taken) - 1) + ["queued"]
    log = await log_of(admin, writer.session_id)
    assert [kind for kind, _ in log].count("message.created") == len(taken), "no message is lost"


async def test_a_refused_message_leaves_nothing_and_its_key_unused(admin: Caller, writer: Writer) -> None:
    first = accepted(await say(admin, writer.session_id, "one"))
    path, body = f"/v1/sessions/{writer.session_id}/messages", {"content": "two", "message_policy": "reject"}
    is_problem(await admin.post(path, body, headers={"Idempotency-Key": "k"}), 409, "session_busy")
    await admin.post(f"/v1/runs/{first['id']}/cancel", {})
    accepted(await admin.post(path, body, headers={"Idempotency-Key": "k"}))


async def test_steer_and_policies_in_band(address: str, admin: Caller, writer: Writer) -> None:
    async with socket(address, f"/v1/sessions/{writer.session_id}/stream?after=1", admin.key) as opened:
        first = await ask(opened, id=1, type="start", input="go")
        told = {"type": "steer", "run_id": first["run"]["id"], "content": "faster", "idempotency_key": "k"}
        reply = await ask(opened, id=2, **told)
        assert (reply["ok"], reply["session_id"]) == (True, str(writer.session_id))
        again = await ask(opened, id=3, **told)
        assert {**again, "id": 2} == reply
        busy = await ask(opened, id=4, type="start", input="x", message_policy="reject")
        assert busy["problem"]["code"] == "session_busy"
        second = await ask(opened, id=5, type="start", input="instead", message_policy="rollback")
        assert second["ok"]
        late = await ask(opened, id=6, type="steer", run_id=first["run"]["id"], content="too late")
        assert late["problem"]["code"] == "run_ended"
    async with socket(address, f"/v1/sessions/{writer.session_id}/stream?after=1", admin.key) as opened:
        seen = [(await read(opened))["event"] for _ in range(7)]
    assert [event["type"] for event in seen] == [
        "message.created", "run.queued", "message.created", "run.rolled_back", "run.cancelled",
        "message.created", "run.queued",
    ]  # fmt: skip
    assert seen[3]["payload"]["by_run_id"] == second["run"]["id"]


async def test_steering_needs_the_right_to_write_runs(address: str, admin: Caller, writer: Writer, make_caller) -> None:
    run = accepted(await say(admin, writer.session_id, "go"))
    reader = await make_caller("sessions:read", "runs:read")
    is_problem(await reader.post(f"/v1/runs/{run['id']}/steer", {"content": "x"}), 403, "forbidden")
    async with socket(address, "/v1/stream", reader.key) as opened:
        reply = await ask(opened, id=1, type="steer", run_id=run["id"], content="x")
        assert reply["problem"]["code"] == "forbidden"


async def test_a_number_beyond_64_bits_is_kept_as_the_nearest_double(admin: Caller):
    await admin.agent()
    made = await admin.post("/v1/sessions", {"agent": "helper", "metadata": {"order": 10**30, "parts": [2**64]}})
    assert made.status_code == 201
    assert made.json()["metadata"] == {"order": 1e30, "parts": [2.0**64]}
