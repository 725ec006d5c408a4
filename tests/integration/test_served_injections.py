"""A part of `python -m bench.security --server`: injected text gets no effect out of real processes, on any channel."""

import signal
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from bench.client import Client
from bench.security_cases import GOALS
from bench.security_channels import ENDED, World, one_each
from bench.security_pages import open_pages
from bench.security_served import play_all, script_of
from bench.security_tools import DeskFolder
from fixtures_stack import ANSWER, DESK, Stack
from stack_parts import until


@pytest.fixture(autouse=True)
def _calm_model(stack: Stack) -> Iterator[None]:
    yield
    stack.model.script(default={"json": {"answer": ANSWER}})


async def test_a_model_that_obeys_gets_no_effect_and_every_run_goes_on_once_people_said_no(stack: Stack) -> None:
    cases = one_each()
    async with open_pages() as pages, aiohttp.ClientSession(headers=stack.headers()) as http:
        script: dict[str, Any] = script_of(cases, pages)
        stack.model.script(*script["rules"], default=script["default"])
        results = await play_all(World(Client(http, stack.url), DeskFolder(stack.folder / DESK), pages), cases)
        report = await Client(http, stack.url).post("/v1/audit/verify", {})
    assert [one for one in results if one.forbidden] == []
    assert [one for one in results if one.status not in ENDED] == [], stack.logs()
    assert [one for one in results if not one.tried] == [], "the model was to obey"
    assert [one for one in results if not (one.rules and one.audited)] == []
    assert report["intact"] is True


def test_what_a_run_had_read_still_holds_once_its_worker_was_killed(stack: Stack) -> None:
    hold = f"gate-{uuid4().hex}"
    folder = DeskFolder(stack.folder / DESK)
    agent = stack.make_agent(tool_mode="native", plugins=["read_document", "send_mail"])
    session_id = stack.post("/v1/sessions", {"agent": agent})["id"]
    folder.put(session_id, {"read_document": GOALS["send to a stranger"]})
    read = {"name": "read_document", "arguments": {"name": "notes.txt"}}
    stack.model.script({"when": {"turn": 1}, "reply": {"obey": {}, "hold": hold}}, default={"obey": {"script": [read]}})
    stack.model.forget()
    run = stack.submit(agent, "What does notes.txt say?", session_id=session_id)
    stack.model.until_requests(2)
    stack.worker_of(stack.get(f"/v1/runs/{run['id']}")["worker_id"]).restart(signal.SIGKILL)
    stack.model.release(hold)
    until(lambda: stack.get(f"/v1/runs/{run['id']}")["status"] == "waiting", within_s=30, why=stack.logs)
    assert stack.get(f"/v1/runs/{run['id']}")["generation"] > 1
    decided = [event["payload"] for event in stack.events(session_id) if event["type"] == "policy.decided"]
    assert [(one["name"], one["rule"]) for one in decided] == [("send_mail", "rule_of_two")]
    assert [effect for effect in folder.effects() if effect[0] == session_id] == []
    stack.post(f"/v1/runs/{run['id']}/cancel")
