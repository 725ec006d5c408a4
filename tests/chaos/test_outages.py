"""Each service goes away and comes back, under one stack of real processes: runs go on, and nothing is lost."""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fixtures_stack import SCRIPTED_MODEL, Stack, open_stack
from stack_parts import Child, ScriptedModelControl, answers, free_port, until
from stream_reader import Reader, following, read_until

WORDS = " ".join(f"word{number}" for number in range(40))
SLOW = {"json": {"answer": WORDS}, "tokens_per_s": 25}
UNENDING = {**SLOW, "hold": "for ever", "stall_at_token": 25}  # in mid-answer until it is killed, however late
REMEMBERING: dict[str, Any] = {"memory": {"recall": True, "remember": True}}
pytestmark = pytest.mark.timeout(300)


@dataclass
class Endpoint:
    """A scripted model server that can be killed."""

    process: Child
    control: ScriptedModelControl
    file: Path

    def start(self, reply: dict[str, Any]) -> None:
        """Come back with a script."""
        self.file.write_text(json.dumps({"default": reply}), encoding="utf-8")
        self.process.start()

    def script(self, reply: dict[str, Any]) -> None:
        self.control.script({"reply": reply})
        self.control.forget()

    @property
    def asked(self) -> int:
        return sum(request["path"] == "/v1/chat/completions" for request in self.control.requests())


@dataclass
class Outages:
    """The stack, and the two endpoints of the model `pair`."""

    stack: Stack
    pair: tuple[Endpoint, Endpoint]
    agent: str

    def home(self, reply: dict[str, Any]) -> tuple[str, Endpoint, Endpoint]:
        """A session whose first answer came from an endpoint: its id, that endpoint, the other one."""
        for endpoint in self.pair:
            if not endpoint.process.alive:
                endpoint.start({"json": {"answer": "first"}})
            endpoint.script({"json": {"answer": "first"}})
        run = self.stack.ended(self.stack.submit(self.agent, "hello"))
        assert run["status"] == "succeeded", run
        first, second = self.pair if self.pair[0].asked else reversed(self.pair)
        assert (first.asked, second.asked) == (1, 0)
        for endpoint in self.pair:
            endpoint.script(reply)
        return run["session_id"], first, second

    def states(self) -> dict[str, str]:
        found = self.stack.get("/v1/admin/models")["items"]
        return {item["url"].removesuffix("/v1"): item["state"] for item in found}

    def circuits(self, endpoint: Endpoint) -> set[str]:
        """How the processes see it."""
        found = {item["url"]: item for item in self.stack.get("/v1/admin/models")["items"]}
        return {one["circuit"] for one in found[f"{endpoint.process.url}/v1"]["processes"]}

    def types(self, session_id: str) -> list[str]:
        return [event["type"] for event in self.stack.events(session_id)]


@pytest.fixture(scope="module")
def outages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outages]:
    """One api, two workers, beat, and three model servers."""
    folder = tmp_path_factory.mktemp("outages")
    ports = (free_port(), free_port())
    endpoints = [{"url": f"http://127.0.0.1:{port}/v1", "continues": "vllm"} for port in ports]
    settings = {
        "HORTUS_MODEL_ROUTES": json.dumps({"pair": {"endpoints": endpoints}}),
        "HORTUS_MODEL_BREAKER_FAILURES": "2",
        "HORTUS_MODEL_BREAKER_OPEN_S": "0.5",
        "HORTUS_MODEL_BREAKER_MAX_OPEN_S": "1",
        "HORTUS_MODEL_CHUNK_TIMEOUT_S": "4",  # a busy machine takes a second now and then
        "HORTUS_WORKER_DUE_S": "0.3",
        "HORTUS_WORKER_LEASE_S": "15",  # no worker hangs here: one that stands still for a moment keeps its run
    }
    with open_stack(folder, workers=2, settings=settings) as stack:
        pair = tuple(_endpoint(stack, folder, port) for port in ports)
        yield Outages(stack, (pair[0], pair[1]), stack.make_agent(model="pair"))
        for endpoint in pair:
            endpoint.control.close()
            endpoint.process.kill()


def _endpoint(stack: Stack, folder: Path, port: int) -> Endpoint:
    script = folder / f"pair-{port}.json"
    argv = (sys.executable, "-c", SCRIPTED_MODEL, str(script), str(port))
    url = f"http://127.0.0.1:{port}"
    process = Child(
        f"pair-{port}", argv, env=stack.env, folder=folder, spawner=stack.spawner, ready=answers("/health"), url=url
    )
    endpoint = Endpoint(process, ScriptedModelControl(url), script)
    endpoint.start({"json": {"answer": "first"}})
    return endpoint


def test_the_other_endpoint_goes_on_in_mid_answer(outages: Outages) -> None:
    stack = outages.stack
    session_id, first, second = outages.home(SLOW)
    first.script(UNENDING)
    run = stack.submit(outages.agent, "tell me", session_id=session_id)
    reader = Reader()
    with following(stack, session_id, reader) as socket:
        read_until(socket, reader, lambda: len(reader.text()) > 60)
        first.process.kill()
        read_until(socket, reader, lambda: reader.types.count("run.succeeded") == 2)
    assert second.asked == 1
    assert "message.restarted" not in reader.types
    assert list(reader.completed.values()) == ["first", WORDS]
    assert list(reader.shown.values()) == [WORDS], "each character once"
    assert stack.get(f"/v1/runs/{run['id']}")["generation"] == 1, "the same worker went on"


def test_with_both_endpoints_down_a_run_waits_without_a_worker_and_goes_on_where_readers_are(outages: Outages) -> None:
    stack = outages.stack
    session_id, *both = outages.home(SLOW)
    both[0].script(UNENDING)
    run = stack.submit(outages.agent, "hello", session_id=session_id)
    reader = Reader()
    with following(stack, session_id, reader) as socket:
        read_until(socket, reader, lambda: len(reader.text()) > 60)
        for endpoint in reversed(both):  # the one that writes is the last
            endpoint.process.kill()
        read_until(socket, reader, lambda: reader.types[-1] == "run.waiting")
        waiting = stack.get(f"/v1/runs/{run['id']}")
        assert (waiting["status"], waiting["waiting_for"]["kind"]) == ("waiting", "model")
        assert waiting["waiting_for"]["due_at"] is not None
        until(lambda: {outages.states()[each.process.url] for each in both} == {"down"})
        both[1].start(SLOW)
        read_until(socket, reader, lambda: reader.types.count("run.succeeded") == 2)
    assert "message.restarted" not in reader.types
    assert list(reader.shown.values()) == [WORDS], "each character once"
    assert list(reader.completed.values()) == ["first", WORDS]
    assert stack.get(f"/v1/runs/{run['id']}")["generation"] > 1, "its worker had let it go"


def test_a_full_endpoint_is_not_a_broken_one(outages: Outages) -> None:
    stack = outages.stack
    session_id, first, second = outages.home({"json": {"answer": "room"}})
    first.script({"error": {"status": 429, "retry_after": 5}})
    for _ in range(3):
        ended = stack.ended(stack.submit(outages.agent, "hello", session_id=session_id))
        assert ended["output"] == "room"
    assert second.asked == 3
    assert "model.failed" not in outages.types(session_id)
    # One of these runs may have been the probe that closed the circuit after the outage before: that is told late.
    until(lambda: outages.circuits(first) == {"closed"}, why=lambda: str(outages.circuits(first)))
    assert "refused" in stack.command("models", "--json").stdout


def test_a_hung_endpoint_is_left_for_the_other(outages: Outages) -> None:
    stack = outages.stack
    session_id, first, _second = outages.home({"json": {"answer": WORDS}})
    first.script({"json": {"answer": WORDS}, "stall_s": 60, "stall_at_token": 12})
    began = time.monotonic()
    ended = stack.ended(stack.submit(outages.agent, "hello", session_id=session_id))
    assert (ended["status"], ended["output"]) == ("succeeded", WORDS)
    assert time.monotonic() - began < 30, "not the minute for which it hangs"
    assert outages.types(session_id).count("model.failed") <= 2


def test_postgresql_restarted_under_a_run(outages: Outages) -> None:
    stack = outages.stack
    if stack.postgres is None:
        pytest.skip("the database is not ours to restart")
    stack.model.script({"reply": SLOW})
    run = stack.submit(stack.make_agent())
    reader = Reader()
    with following(stack, run["session_id"], reader) as socket:
        read_until(socket, reader, lambda: len(reader.text()) > 40)
    stack.postgres.stop()
    with stack.client() as http:
        refused = http.post("/v1/runs", json={"agent": "gardener", "input": "hello"})
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.headers["Content-Type"].startswith("application/problem+json")
    stack.spawner.call(stack.postgres.start)
    ended = stack.ended(run)
    assert (ended["status"], ended["output"]) == ("succeeded", WORDS)
    assert outages.types(run["session_id"]).count("message.completed") == 1
    stack.model.script({"reply": {"json": {"answer": "after"}}})
    assert stack.ended(stack.submit(stack.make_agent()))["output"] == "after"


def test_valkey_wiped_under_a_stream(outages: Outages) -> None:
    stack = outages.stack
    if stack.valkey is None:
        pytest.skip("the broker is not ours to restart")
    stack.model.script({"reply": {**SLOW, "hold": "the outage", "stall_at_token": 10}})
    run = stack.submit(stack.make_agent())
    seen: list[dict[str, Any]] = []
    reader = Reader()
    with following(stack, run["session_id"], reader) as socket:
        while not any(frame["type"] in {"delta", "snapshot"} for frame in seen):
            seen.append(json.loads(socket.recv(timeout=60)))
        stack.valkey.stop()
        stack.model.release("the outage")
        accepted = stack.post("/v1/runs", {"agent": stack.make_agent(), "input": "while the broker is down"})
        stack.spawner.call(stack.valkey.start)
        while not any(frame.get("event", {}).get("type") == "run.succeeded" for frame in seen):
            seen.append(json.loads(socket.recv(timeout=60)))
    sequence = [frame["event"]["seq"] for frame in seen if frame["type"] == "event"]
    assert sequence == list(range(1, len(sequence) + 1))
    assert stack.ended(run)["output"] == WORDS
    assert stack.ended(accepted)["status"] == "succeeded", "the wake-up was sent again"


def test_qdrant_down_leaves_runs_without_recall_and_jobs_for_later(outages: Outages) -> None:
    stack = outages.stack
    if stack.qdrant is None:
        pytest.skip("the vector index is not ours to stop")
    stack.model.script({"reply": {"json": {"answer": "remembered"}}})
    agent = stack.make_agent(**REMEMBERING)
    stack.qdrant.kill()
    run = stack.ended(stack.submit(agent, "what was said about wheat?"))
    assert run["status"] == "succeeded"
    (recalled,) = [e for e in stack.events(run["session_id"]) if e["type"] == "memory.recalled"]
    assert recalled["payload"]["unavailable"] is True
    until(lambda: any("job_failed" in worker.text() for worker in stack.workers), why=stack.logs)
    stack.qdrant.start()
    back = time.monotonic()
    until(lambda: "memory.written" in outages.types(run["session_id"]), why=stack.logs)
    assert time.monotonic() - back < 40, "long before the lease of the failed attempt would have ended"


def test_an_api_that_lost_its_database_says_so_and_recovers(outages: Outages) -> None:
    stack = outages.stack
    if stack.postgres is None:
        pytest.skip("the database is not ours to restart")
    stack.postgres.stop()
    ready = httpx.get(f"{stack.url}/readyz", timeout=10, trust_env=False)
    health = httpx.get(f"{stack.url}/healthz", timeout=10, trust_env=False)
    assert (ready.status_code, health.status_code) == (503, 200)
    stack.spawner.call(stack.postgres.start)
    until(
        lambda: httpx.get(f"{stack.url}/readyz", timeout=10, trust_env=False).status_code == 200,
        why=stack.logs,
    )
    stack.model.script({"reply": {"json": {"answer": "recovered"}}})
    assert stack.ended(stack.submit(stack.make_agent()))["output"] == "recovered"
