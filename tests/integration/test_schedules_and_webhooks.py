"""Two apis, two beats, two workers, then one beat and worker: due times fire once, and all are told of every run."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from fixtures_stack import TIMEOUT_S, Stack, open_stack
from stack_parts import until
from standardwebhooks.webhooks import Webhook as Verifier
from stream_reader import Reader, following, read_until

SETTINGS = {"HORTUS_WEBHOOKS_ALLOW_PRIVATE": '["127.0.0.0/8"]', "HORTUS_WORKER_DUE_S": "0.3"}


@contextmanager
def receiving(got: list[tuple[dict[str, str], bytes]]) -> Iterator[str]:
    """An application's endpoint; its address."""

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def made(stack: Stack, *arguments: str) -> dict[str, Any]:
    done = stack.command(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def submitted(stack: Stack, schedule: dict[str, Any]) -> list[dict[str, Any]]:
    items = stack.get(f"/v1/schedules/{schedule['id']}/firings", limit=200)["items"]
    return [item for item in items if item["outcome"] == "submitted"]


def assert_either_api_tells_the_same(stack: Stack, session_id: str) -> None:
    readers = (Reader(), Reader())
    for api, reader in enumerate(readers):
        with following(stack, session_id, reader, api=api) as socket:
            read_until(socket, reader, lambda reader=reader: reader.ended)
    first, second = readers
    assert (first.types, first.completed) == (second.types, second.completed)
    assert first.types == [event["type"] for event in stack.events(session_id)]


def assert_clients_of_the_other_api_see_it_live(stack: Stack, agent: str) -> None:
    words = " ".join(f"word{number}" for number in range(20))
    stack.model.script({"reply": {"json": {"answer": words}, "tokens_per_s": 20}})
    reader = Reader()
    with stack.client(0) as http:
        session_id = http.post("/v1/sessions", json={"agent": agent}).raise_for_status().json()["id"]
        with following(stack, session_id, reader, api=1) as socket:
            http.post(
                "/v1/runs", json={"agent": agent, "session_id": session_id, "input": "Say it."}
            ).raise_for_status()
            read_until(socket, reader, lambda: reader.ended)
    assert list(reader.completed.values()) == [words]
    (shown,) = reader.shown.values()
    assert shown, "text came while it was written"
    assert words.startswith(shown)


@pytest.mark.timeout(TIMEOUT_S)
def test_due_times_fire_once_and_every_run_is_told_of_through_the_loss_of_a_beat_and_a_worker(tmp_path: Path) -> None:
    got: list[tuple[dict[str, str], bytes]] = []
    with (
        open_stack(tmp_path, apis=2, workers=2, beats=2, settings=SETTINGS) as stack,
        receiving(got) as endpoint,
    ):
        agent = stack.make_agent()
        hook = made(stack, "webhook", "create", endpoint, "--event", "run.succeeded")
        timing = {"kind": "interval", "every_s": 1}
        policies = {"overlap": "allow", "catch_up": "all", "catch_up_limit": 100}
        task = {"name": "tick", "agent": agent, "input": "Go.", "timing": timing, **policies}
        schedule = stack.post("/v1/schedules", task)

        def fired(count: int) -> None:
            until(lambda: len(submitted(stack, schedule)) >= count, within_s=60, why=stack.logs)

        fired(5)
        stack.beats[0].kill()
        stack.workers[0].kill()
        fired(10)
        made(stack, "schedule", "pause", schedule["id"])
        firings = submitted(stack, schedule)
        due = sorted(datetime.fromisoformat(item["due_at"]) for item in firings)
        assert all(later - earlier == timedelta(seconds=1) for earlier, later in pairwise(due))
        runs = {item["run_id"] for item in firings}
        assert len(runs) == len(firings)
        assert {run["id"] for run in stack.get("/v1/runs", limit=200)["items"]} == runs
        for run_id in runs:
            assert stack.ended({"id": run_id})["status"] == "succeeded"
        for item in firings[:3]:
            assert_either_api_tells_the_same(stack, stack.get(f"/v1/runs/{item['run_id']}")["session_id"])

        def told() -> Counter[str]:
            return Counter(json.loads(body)["data"]["run_id"] for _, body in got)

        until(lambda: set(told()) == runs, within_s=90, why=stack.logs)
        for headers, body in got:
            assert Verifier(hook["secret"]).verify(body, headers)["type"] == "run.succeeded"
        ids = {json.loads(body)["data"]["run_id"]: headers["webhook-id"] for headers, body in got}
        assert len(set(ids.values())) == len(runs), "one message for each run, however often it is sent"
        # Once for each run, but for what the killed worker had under way.
        assert sum(told().values()) <= len(runs) + 8

        def noted() -> set[str]:  # which follows what the endpoint answered
            found = made(stack, "webhook", "deliveries", hook["id"], "--state", "delivered", "--limit", "200")["items"]
            return {item["id"] for item in found}

        until(lambda: noted() == set(ids.values()), why=stack.logs)
        assert_clients_of_the_other_api_see_it_live(stack, agent)
