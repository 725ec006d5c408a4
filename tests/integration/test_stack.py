"""All processes together: a run from REST to worker and back, seen alike through every replica."""

import json
import signal
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from fixtures_stack import ANSWER, Stack
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
        open_timeout=10,
    )


def read_to_end(socket: ClientConnection) -> list[dict[str, Any]]:
    frames = []
    while True:
        frame = json.loads(socket.recv(timeout=20))
        frames.append(frame)
        if frame["type"] == "event" and frame["event"]["type"] == "run.succeeded":
            return frames


def events_of(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [frame["event"] for frame in frames if frame["type"] == "event"]


def test_every_part_is_ready(stack: Stack) -> None:
    readiness = stack.get("/readyz")
    assert readiness["state"] == "ready", readiness
    assert {worker["pid"] for worker in stack.get("/v1/admin/workers")["items"]} == {w.pid for w in stack.workers}


def test_a_run_succeeds_and_both_replicas_stream_the_same_log(stack: Stack) -> None:
    agent = stack.make_agent()
    stack.model.script({"reply": {"json": {"answer": "a rather long answer, said slowly"}, "tokens_per_s": 20}})
    run = stack.submit(agent, "say something")
    with follow(stack, run["session_id"], api=0) as one, follow(stack, run["session_id"], api=1) as other:
        first, second = read_to_end(one), read_to_end(other)
    events = events_of(first)
    assert [event["type"] for event in events] == WHOLE_RUN
    assert [event["seq"] for event in events] == list(range(1, len(WHOLE_RUN) + 1))
    assert events_of(second) == events == stack.events(run["session_id"])
    for frames in (first, second):
        assert any(frame["type"] in {"delta", "snapshot"} for frame in frames), "tokens came while they were written"
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
    runs = [stack.submit(agent, f"task {number}") for number in range(12)]
    stack.model.until_requests(12)
    claimed = {stack.get(f"/v1/runs/{run['id']}")["worker_id"] for run in runs}
    assert {stack.worker_of(worker_id).name for worker_id in claimed} == {"worker-1", "worker-2"}
    stack.model.release(hold)
    assert {stack.ended(run)["status"] for run in runs} == {"succeeded"}


def test_a_killed_worker_comes_back(stack: Stack) -> None:
    worker = stack.workers[1]
    before = worker.pid
    worker.restart(signal.SIGKILL)
    assert worker.pid != before
    assert stack.ended(stack.submit(stack.make_agent()))["status"] == "succeeded"
