"""Budgets of a tenant and of a session, and what a run says of its own."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from backends import Caller, is_problem

from hortus_agents.events import NewEvent, RunSucceeded
from hortus_agents.limits import Spent
from hortus_agents.messages import Usage
from hortus_server.domain.ids import RunId
from hortus_server.ports.store import Store


async def spend(store: Store, run: dict[str, Any], tokens: int) -> None:
    """End a run as a worker would, with so many tokens used."""
    done = NewEvent(payload=RunSucceeded(spent=Spent(tokens=tokens), usage=Usage()))
    async with store.system_transaction() as uow:
        claim = await uow.runs.claim(RunId(UUID(run["id"])), worker_id="w", lease=timedelta(seconds=9))
        assert claim is not None
        of = claim.run
        events = await uow.events.append(of.tenant_id, of.session_id, [done], run_id=of.id, generation=claim.generation)
        await uow.runs.finish(of.id, claim.generation, event=events[-1])


async def test_a_budget_is_set_and_shown_with_what_is_used(admin: Caller):
    empty = (await admin.get("/v1/admin/budget")).json()
    assert empty["budget"]["tokens_per_day"] is None
    answer = await admin.call("PUT", "/v1/admin/budget", json={"tokens_per_day": 500})
    assert answer.status_code == 200
    shown = answer.json()
    assert (shown["budget"]["tokens_per_day"], shown["today"]["tokens"]) == (500, 0)
    is_problem(await admin.call("PUT", "/v1/admin/budget", json={"tokens_per_day": 0}), 422, "invalid_request")


async def test_a_run_shows_what_is_left_of_its_limits_and_money_can_only_be_lowered(admin: Caller):
    await admin.agent("helper", limits={"steps": 5, "cost_micros": 100})
    body = {"agent": "helper", "input": "x", "limits": {"cost_micros": 900, "tokens": 50}}
    run = (await admin.post("/v1/runs", body)).json()
    seen = (await admin.get(f"/v1/runs/{run['id']}")).json()
    assert seen["limits"]["cost_micros"] == 100
    assert seen["spent"]["tokens"] == 0
    assert (seen["left"]["tokens"], seen["left"]["steps"], seen["left"]["cost_micros"]) == (50, 5, 100)


async def test_a_new_run_may_use_no_more_than_the_day_has_left(admin: Caller):
    await admin.agent("helper")
    await admin.call("PUT", "/v1/admin/budget", json={"tokens_per_day": 70})
    run = (await admin.post("/v1/runs", {"agent": "helper", "input": "x"})).json()
    assert run["limits"]["tokens"] == 70


async def test_a_run_shows_the_limits_that_it_is_held_to_by_what_others_have_used_since(admin: Caller, store: Store):
    await admin.agent("helper")
    await admin.call("PUT", "/v1/admin/budget", json={"tokens_per_day": 100})
    body = {"agent": "helper", "input": "x"}
    first, second = [(await admin.post("/v1/runs", body)).json() for _ in range(2)]
    assert (first["limits"]["tokens"], second["limits"]["tokens"]) == (100, 100)
    await spend(store, first, 60)
    seen = (await admin.get(f"/v1/runs/{second['id']}")).json()
    assert (seen["limits"]["tokens"], seen["left"]["tokens"]) == (40, 40)
    ended = (await admin.get(f"/v1/runs/{first['id']}")).json()
    assert (ended["limits"]["tokens"], ended["left"]["tokens"]) == (100, 40)
    await spend(store, (await admin.post("/v1/runs", body)).json(), 40)
    seen = (await admin.get(f"/v1/runs/{second['id']}")).json()
    assert (seen["limits"]["tokens"], seen["left"]["tokens"]) == (1, 0)


async def test_a_spent_day_refuses_new_runs_until_tomorrow(admin: Caller, store: Store):
    await admin.agent("helper")
    await admin.call("PUT", "/v1/admin/budget", json={"tokens_per_day": 70})
    body = {"agent": "helper", "input": "x"}
    await spend(store, (await admin.post("/v1/runs", body)).json(), 71)
    refused = await admin.post("/v1/runs", body)
    is_problem(refused, 429, "limit_exceeded")
    assert 0 < int(refused.headers["Retry-After"]) <= 86_400
    assert (await admin.get("/v1/admin/budget")).json()["today"] == {"runs": 1, "tokens": 71, "cost_micros": 0}
    await admin.call("PUT", "/v1/admin/budget", json={})
    assert (await admin.post("/v1/runs", body)).status_code == 202


async def test_a_spent_session_takes_no_more_messages_and_another_does(admin: Caller, store: Store):
    await admin.agent("helper")
    await admin.call("PUT", "/v1/admin/budget", json={"tokens_per_session": 70})
    run = (await admin.post("/v1/runs", {"agent": "helper", "input": "x"})).json()
    await spend(store, run, 70)
    is_problem(await admin.post(f"/v1/sessions/{run['session_id']}/messages", {"content": "x"}), 409, "conflict")
    other = await admin.post("/v1/runs", {"agent": "helper", "input": "x"})
    assert other.json()["limits"]["tokens"] == 70


async def test_a_session_shows_what_it_has_used_beside_its_bounds(admin: Caller, store: Store):
    await admin.agent("helper")
    await admin.call("PUT", "/v1/admin/budget", json={"tokens_per_session": 90, "tokens_per_day": 500})
    run = (await admin.post("/v1/runs", {"agent": "helper", "input": "x"})).json()
    await spend(store, run, 30)
    assert (await admin.get(f"/v1/sessions/{run['session_id']}/budget")).json() == {
        "tokens": 30,
        "cost_micros": 0,
        "tokens_per_session": 90,
        "cost_micros_per_session": None,
        "tokens_left_today": 470,
        "cost_micros_left_today": None,
    }


async def test_statistics_are_periods_up_to_now(admin: Caller, store: Store):
    await admin.agent("helper")
    await spend(store, (await admin.post("/v1/runs", {"agent": "helper", "input": "x"})).json(), 30)
    hours = (await admin.get("/v1/statistics?periods=3")).json()
    assert hours["width"] == "hour"
    assert len(hours["items"]) == 3
    assert sum(period["tokens"] for period in hours["items"]) == 30
    is_problem(await admin.get("/v1/statistics?periods=169"), 422, "invalid_request")
