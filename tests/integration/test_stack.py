"""All processes together: runs from REST to worker and back, alike through every replica, injected ones too."""

import json
import signal
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from bench.client import Client
from bench.security_cases import GOALS
from bench.security_channels import ENDED, World, one_each
from bench.security_pages import open_pages
from bench.security_served import counts, play_all, script_of
from bench.security_tools import DeskFolder
from fixtures_stack import ANSWER, DESK, Stack
from stack_parts import until
from websockets.sync.client import ClientConnection, connect

WHOLE_RUN = [
    "session.created",
    "message.created",
    "run.queued",
    "run.started",
    "step.started",
    "model.called",
    "message.completed",
    "run.succeeded",
]


@pytest.fixture(autouse=True)
def _calm_model(stack: Stack) -> Iterator[None]:
    yield
    stack.model.script(default={"json": {"answer": ANSWER}})


def follow(stack: Stack, session_id: str, *, after: int = 0, api: int = 0) -> ClientConnection:
    return connect(
        stack.socket_url(session_id, after=after, api=api),
        additional_headers=stack.headers(),
        proxy=None,
        open_timeout=60,
    )


def read_to_end(socket: ClientConnection) -> list[dict[str, Any]]:
    return read_to(socket, lambda frame: frame["type"] == "event" and frame["event"]["type"] == "run.succeeded")


def read_to(socket: ClientConnection, is_last: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    frames: list[dict[str, Any]] = []
    while not frames or not is_last(frames[-1]):
        frames.append(json.loads(socket.recv(timeout=60)))
    return frames


def is_text(frame: dict[str, Any]) -> bool:
    return frame["type"] in {"delta", "snapshot"}


def events_of(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [frame["event"] for frame in frames if frame["type"] == "event"]


def test_every_part_is_ready(stack: Stack) -> None:
    # A part that takes more than a moment to answer counts as absent, which a busy machine may make it once.
    until(lambda: stack.get("/readyz")["state"] == "ready", why=lambda: str(stack.get("/readyz")))
    pids = {worker.pid for worker in stack.workers}
    until(lambda: {worker["pid"] for worker in stack.get("/v1/admin/workers")["items"]} == pids, why=stack.logs)


def test_a_run_succeeds_and_both_replicas_stream_the_same_log(stack: Stack) -> None:
    agent = stack.make_agent()
    hold = f"gate-{uuid4().hex}"
    reply = {"json": {"answer": "a rather long answer, said slowly"}, "hold": hold, "stall_at_token": 6}
    stack.model.script({"reply": reply})
    run = stack.submit(agent, "say something")
    with follow(stack, run["session_id"], api=0) as one, follow(stack, run["session_id"], api=1) as other:
        first, second = read_to(one, is_text), read_to(other, is_text)  # while it is written
        stack.model.release(hold)
        first, second = first + read_to_end(one), second + read_to_end(other)
    events = events_of(first)
    assert [event["type"] for event in events] == WHOLE_RUN
    assert [event["seq"] for event in events] == list(range(1, len(WHOLE_RUN) + 1))
    assert events_of(second) == events == stack.events(run["session_id"])
    ended = stack.ended(run)
    assert (ended["status"], ended["output"]) == ("succeeded", "a rather long answer, said slowly")


def test_a_returning_reader_gets_what_it_missed_and_nothing_twice(stack: Stack) -> None:
    agent = stack.make_agent()
    run = stack.submit(agent)
    stack.ended(run)
    for cursor in range(len(WHOLE_RUN)):
        with follow(stack, run["session_id"], after=cursor, api=cursor % 2) as socket:
            seqs = [event["seq"] for event in events_of(read_to_end(socket))]
        assert seqs == list(range(cursor + 1, len(WHOLE_RUN) + 1))


def test_both_workers_execute_runs(stack: Stack) -> None:
    hold = f"gate-{uuid4().hex}"
    stack.model.script({"reply": {"json": {"answer": "done"}, "hold": hold}})
    stack.model.forget()
    agent = stack.make_agent()
    runs: list[dict[str, Any]] = []

    def both_have_some() -> bool:
        """One of them may stand still for a moment; what the other holds bounds what it takes."""
        runs.extend(stack.submit(agent, f"task {number}") for number in range(6))
        stack.model.until_requests(len(runs))
        claimed = {stack.get(f"/v1/runs/{run['id']}")["worker_id"] for run in runs}
        return {stack.worker_of(worker_id).name for worker_id in claimed} == {"worker-1", "worker-2"}

    until(both_have_some, why=stack.logs)
    stack.model.release(hold)
    assert {stack.ended(run)["status"] for run in runs} == {"succeeded"}


def test_a_killed_worker_comes_back(stack: Stack) -> None:
    worker = stack.workers[1]
    before = worker.pid
    worker.restart(signal.SIGKILL)
    assert worker.pid != before
    assert stack.ended(stack.submit(stack.make_agent()))["status"] == "succeeded"


async def test_a_model_that_obeys_gets_no_effect_and_every_run_goes_on_once_people_said_no(stack: Stack) -> None:
    cases = one_each()
    async with open_pages() as pages, aiohttp.ClientSession(headers=stack.headers()) as http:
        script: dict[str, Any] = script_of(cases, pages)
        stack.model.script(*script["rules"], default=script["default"])
        world = World(Client(http, stack.url), DeskFolder(stack.folder / DESK), pages)
        results = await play_all(world, cases)
        assert await counts(world), "the ledger was to count"
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
    until(lambda: stack.get(f"/v1/runs/{run['id']}")["status"] == "waiting", why=stack.logs)
    assert stack.get(f"/v1/runs/{run['id']}")["generation"] > 1
    decided = [event["payload"] for event in stack.events(session_id) if event["type"] == "policy.decided"]
    assert [(one["name"], one["rule"]) for one in decided] == [("send_mail", "rule_of_two")]
    assert [effect for effect in folder.effects() if effect[0] == session_id] == []
    stack.post(f"/v1/runs/{run['id']}/cancel")
