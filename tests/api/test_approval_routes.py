"""The inbox over HTTP and in band: who may see it, who may decide, and what each refusal looks like."""

from typing import Any
from uuid import uuid4

import pytest
from agent_world import EchoTool
from approval_world import Desk
from backends import Caller, is_problem
from clients import ask, socket
from serving import MakeCaller
from store_world import make_world

from hortus_agents.spec import ApprovalSpec
from hortus_agents.tools.builtin.ask_human import AskHumanTool
from hortus_agents.tools.port import SideEffect
from hortus_server.domain.records import Run
from hortus_server.ports.store import Store


@pytest.fixture
async def desk(admin: Caller, store: Store) -> Desk:
    """Runs of acme, as its workers leave them."""
    return Desk(await make_world(store, "acme"))


def question(desk: Desk) -> Desk:
    arguments = {"question": "Which colour?", "choices": ["red", "blue"]}
    return Desk(desk.world, AskHumanTool(), arguments, ApprovalSpec())


async def inbox(caller: Caller, **query: Any) -> list[dict[str, Any]]:
    answer = await caller.get("/v1/approvals", params={"status": "pending", **query})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def asked(caller: Caller, run: Run) -> dict[str, Any]:
    (item,) = await inbox(caller, run_id=str(run.id))
    return item


async def test_the_inbox_carries_all_that_a_person_needs(admin: Caller, desk: Desk) -> None:
    run = await desk.start()
    item = await asked(admin, run)
    assert (item["kind"], item["status"], item["tool"]) == ("call", "pending", "echo")
    assert (item["arguments"], item["side_effect"], item["allowed"]) == ({"text": "hi"}, 0, ["approve", "deny"])
    assert (item["agent_name"], item["session_title"], item["persons_missing"]) == ("gardener", "another", 1)
    assert (item["run_id"], item["session_id"]) == (str(run.id), str(run.session_id))
    assert len(item["call_sha256"]) == 64
    assert (await admin.get(f"/v1/approvals/{item['id']}")).json() == item
    waiting = (await admin.get(f"/v1/runs/{run.id}")).json()["waiting_for"]
    assert (waiting["kind"], waiting["ref_id"], waiting["due_at"]) == ("approval", item["id"], item["expires_at"])


async def test_a_decision_is_recorded_and_the_run_goes_on(admin: Caller, desk: Desk) -> None:
    run = await desk.start()
    item = await asked(admin, run)
    answer = await admin.post(f"/v1/approvals/{item['id']}/decide", {"decision": "approve", "reason": "asked for"})
    decided = answer.json()
    assert (answer.status_code, decided["status"], decided["allowed"]) == (200, "approved", [])
    assert decided["decisions"][0]["by_name"] == "test"
    assert (await admin.get(f"/v1/runs/{run.id}")).json()["status"] == "queued"
    assert await inbox(admin) == []
    problem = is_problem(
        await admin.post(f"/v1/approvals/{item['id']}/decide", {"decision": "deny"}), 409, "approval_closed"
    )
    assert problem["approval_status"] == "approved"
    events = (await admin.get(f"/v1/runs/{run.id}/events")).json()["items"]
    last = [event["payload"] for event in events][-2:]
    assert (last[0]["type"], last[0]["outcome"], last[0]["reason"]) == ("approval.decided", "approved", "asked for")
    assert last[0]["by"].startswith("test (")
    assert (last[1]["type"], last[1]["ref_id"]) == ("run.resumed", item["id"])


async def test_two_keys_are_two_people_and_one_key_is_one(admin: Caller, make_caller: MakeCaller, desk: Desk) -> None:
    risky = Desk(desk.world, EchoTool(side_effect=SideEffect.IRREVERSIBLE))
    run = await risky.start()
    item = await asked(admin, run)
    assert (item["side_effect"], item["persons"]) == (3, 2)
    path, body = f"/v1/approvals/{item['id']}/decide", {"decision": "approve"}
    assert (await admin.post(path, body)).json()["persons_missing"] == 1
    is_problem(await admin.post(path, body), 409, "conflict")
    second = await make_caller("approvals:decide")
    assert (await second.post(path, body)).json()["status"] == "approved"


async def test_what_refuses_a_decision_changes_nothing(admin: Caller, stranger: Caller, desk: Desk) -> None:
    run = await desk.start()
    item = await asked(admin, run)
    path = f"/v1/approvals/{item['id']}/decide"
    is_problem(await stranger.post(path, {"decision": "approve"}), 404, "not_found")
    is_problem(await stranger.get(f"/v1/approvals/{item['id']}"), 404, "not_found")
    is_problem(await admin.post(f"/v1/approvals/{uuid4()}/decide", {"decision": "approve"}), 404, "not_found")
    is_problem(await admin.post(path, {"decision": "happened"}), 422, "invalid_input")
    is_problem(await admin.post(path, {"decision": "approve", "answer": "x"}), 422, "invalid_input")
    is_problem(await admin.post(path, {"decision": "maybe"}), 422, "invalid_request")
    is_problem(await admin.post(path, {}), 422, "invalid_request")
    assert await asked(admin, run) == item
    await desk.run_out_of_time((await desk.asked(run)).id)
    problem = is_problem(await admin.post(path, {"decision": "approve"}), 409, "approval_closed")
    assert problem["approval_status"] == "expired"
    await admin.post(f"/v1/runs/{run.id}/cancel", {})
    problem = is_problem(await admin.post(path, {"decision": "approve"}), 409, "approval_closed")
    assert problem["approval_status"] == "cancelled"
    assert await inbox(stranger) == []


async def test_only_keys_with_the_scope_see_and_decide(make_caller: MakeCaller, admin: Caller, desk: Desk) -> None:
    run = await desk.start()
    item = await asked(admin, run)
    application = await make_caller("runs:write", "runs:read", "agents:write")
    watcher = await make_caller("approvals:read")
    is_problem(await application.get("/v1/approvals"), 403, "forbidden")
    is_problem(await application.post(f"/v1/approvals/{item['id']}/decide", {"decision": "approve"}), 403, "forbidden")
    assert [found["id"] for found in await inbox(watcher)] == [item["id"]]
    is_problem(await watcher.post(f"/v1/approvals/{item['id']}/decide", {"decision": "approve"}), 403, "forbidden")


async def test_lists_are_filtered_and_paged(admin: Caller, desk: Desk) -> None:
    runs = [await desk.start(), await desk.start()]
    await question(desk).start()
    assert [item["kind"] for item in await inbox(admin)] == ["question", "call", "call"]
    assert len(await inbox(admin, kind="call", session_id=str(runs[0].session_id))) == 1
    assert len(await inbox(admin, agent_id=str(desk.world.agent.id))) == 3
    assert await inbox(admin, agent_id=str(uuid4())) == []
    first = (await admin.get("/v1/approvals", params={"limit": 2})).json()
    rest = (await admin.get("/v1/approvals", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert len({item["id"] for item in [*first["items"], *rest["items"]]}) == 3
    assert rest["next_cursor"] is None
    is_problem(await admin.get("/v1/approvals", params={"cursor": "x"}), 422, "invalid_cursor")
    is_problem(await admin.get("/v1/approvals", params={"status": "open"}), 422, "invalid_request")


async def test_an_application_answers_its_run_s_question(make_caller: MakeCaller, admin: Caller, desk: Desk) -> None:
    run = await question(desk).start()
    application = await make_caller("runs:write")
    path = f"/v1/runs/{run.id}/answer"
    is_problem(await application.post(path, {"answer": "green"}), 422, "invalid_input")
    is_problem(await application.post(path, {"answer": "  "}), 422, "invalid_request")
    answered = (await application.post(path, {"answer": "blue"})).json()
    assert (answered["status"], answered["decisions"][0]["answer"]) == ("answered", "blue")
    is_problem(await application.post(path, {"answer": "red"}), 409, "conflict")
    is_problem(await application.post(f"/v1/runs/{uuid4()}/answer", {"answer": "red"}), 404, "not_found")
    waiting = await desk.start()
    is_problem(await application.post(f"/v1/runs/{waiting.id}/answer", {"answer": "yes"}), 409, "conflict")


async def test_decisions_in_band(address: str, admin: Caller, make_caller: MakeCaller, desk: Desk) -> None:
    first, second = await desk.start(), await desk.start()
    third = await question(desk).start()
    one, two = await asked(admin, first), await asked(admin, second)
    reader = await make_caller("sessions:read")
    async with socket(address, "/v1/stream", reader.key) as opened:
        refused = await ask(opened, id=1, type="approve", approval_id=one["id"])
        assert refused["problem"]["code"] == "forbidden"
    async with socket(address, "/v1/stream", admin.key) as opened:
        approved = await ask(opened, id=1, type="approve", approval_id=one["id"], reason="fine")
        assert (approved["ok"], approved["approval"]["status"]) == (True, "approved")
        again = await ask(opened, id=2, type="deny", approval_id=one["id"])
        assert again["problem"]["code"] == "approval_closed"
        denied = await ask(opened, id=3, type="deny", approval_id=two["id"], reason="no")
        assert denied["approval"]["status"] == "denied"
        answered = await ask(opened, id=4, type="answer", run_id=str(third.id), answer="red")
        assert answered["approval"]["status"] == "answered"
        unknown = await ask(opened, id=5, type="approve", approval_id=str(uuid4()))
        assert unknown["problem"]["code"] == "not_found"
