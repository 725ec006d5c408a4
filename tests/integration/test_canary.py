"""One secret is planted where a run picks it up and says it again, and looked for in all places that text leaves by.

What a model says is the same to the server wherever it has it from, so the scripted model knows the value; the echoing
server says back what the tool proxy sends it.
"""

import json
import threading
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import redis
from fixtures_postgres import whole_database
from fixtures_stack import ANSWER, Stack
from stack_parts import until
from stream_reader import Reader, following, read_until

CANARY = 'c4n4ry/of+the "tenant"=9zQ'
NAME = "CANARY_TOKEN"
FORMS = {
    "plain": CANARY,
    "json": json.dumps(CANARY)[1:-1],
    "url": quote(CANARY, safe=""),
    "base64": b64encode(b"ab:" + CANARY.encode()).decode()[8:32],
    "hex": CANARY.encode().hex(),
    "reversed": CANARY[::-1],
}
SAID = f"It is {CANARY}, or {b64encode(CANARY.encode()).decode()}, or {quote(CANARY, safe='')} in an address."
SOURCE = f"```python\ndef double(number):\n    words = {CANARY!r}\n    return number * 2\n```"
CASES = [{"arguments": {"number": number}, "expected": 2 * number} for number in (2, 5, 9)]


@dataclass
class Outside:
    """A server that says back what it hears, and keeps what webhooks tell it."""

    host: str = ""
    told: list[str] = field(default_factory=list)


@pytest.fixture
def outside() -> Iterator[Outside]:
    state = Outside()

    class Echo(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard = json.dumps({"token": self.headers.get("X-Token"), "hex": str(self.headers).encode().hex()}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(heard)))
            self.end_headers()
            self.wfile.write(heard)

        def do_POST(self) -> None:
            state.told.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    state.host = f"127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def planted(stack: Stack) -> Iterator[Stack]:
    """The shared stack with the secret, which goes again."""
    with stack.client() as http:
        http.put(f"/v1/secrets/{NAME}", json={"value": CANARY, "hosts": ["*"]}).raise_for_status()
        yield stack
        http.delete(f"/v1/secrets/{NAME}").raise_for_status()
    stack.model.script(default={"json": {"answer": ANSWER}})


def rules(echo: str) -> tuple[Mapping[str, Any], ...]:
    """A tool of its own, a note, a program, a tool that does not exist, a page, a broken model, an answer."""

    def act(turn: int, **reply: Any) -> Mapping[str, Any]:
        return {"when": {"purpose": "act", "turn": turn, "prompt": "tulips"}, "reply": reply}

    def use(turn: int, tool: str, **arguments: Any) -> Mapping[str, Any]:
        return act(turn, json={"tool": tool, "arguments": arguments})

    signature = {
        "name": "double",
        "description": f"Twice a number, as {CANARY} says.",
        "parameters": [{"name": "number", "type": "integer"}],
        "returns": "integer",
    }
    return (
        {"when": {"purpose": "capability.signature"}, "reply": {"json": signature}},
        {"when": {"purpose": "capability.source"}, "reply": {"text": SOURCE}},
        {"when": {"purpose": "capability.tests"}, "reply": {"json": {"cases": CASES}}},
        use(0, "request_capability", name="double", purpose="twice a number"),
        use(1, "double", number=21),
        use(2, "remember", text=f"the token is {CANARY}"),
        use(3, "python", code=f"print(call_tool('http_get', url='http://{echo}/')); print('x' * 20000)"),
        use(4, f"no such tool {CANARY}"),
        use(5, "http_get", url=f"http://{echo}/"),
        {
            **act(6, error={"status": 503, "body": {"error": {"message": f"overloaded by {CANARY}"}}}),
            "times": 1,
        },
        act(6, json={"answer": SAID}, tokens_per_s=25),
    )


def assert_nowhere(place: str, text: str) -> None:
    for form, value in FORMS.items():
        assert value not in text, f"{form} in {place}: {text[max(text.index(value) - 200, 0) :][:300]}"


def test_a_secret_that_a_run_says_in_every_way_leaves_by_none(planted: Stack, outside: Outside) -> None:
    stack, echo = planted, outside.host
    stack.model.script(*rules(echo), default={"json": {"answer": "unscripted"}})
    agent = stack.make_agent(
        tools=["http_get", "python", "remember", "request_capability"],
        http_allow=[echo],
        http_headers=[{"host": echo, "header": "X-Token", "value": f"{{{{secret:{NAME}}}}}"}],
        memory={"recall": False, "remember": True},
        evolution={"reuse": False, "create": True},
    )
    hook = stack.post("/v1/webhooks", {"url": f"http://{echo}/hook", "events": ["*"], "agent": agent})
    session_id = stack.post("/v1/sessions", {"agent": agent})["id"]
    early, late = Reader(), Reader()
    frames: list[str] = []
    with following(stack, session_id, early) as socket:
        run = stack.submit(agent, f"Water the tulips, and read http://{echo}/ twice.", session_id=session_id)
        read_until(Recording(socket, frames), early, lambda: len(early.text()) > 20, within_s=180)
        with following(stack, session_id, late, api=1) as second:
            read_until(Recording(second, frames), late, lambda: late.ended, within_s=90)
        read_until(Recording(socket, frames), early, lambda: early.ended, within_s=90)
    assert early.shown
    assert list(early.shown.values()) == list(early.completed.values()) == list(late.completed.values())
    # The last bits of a base64 text stand for no whole byte of the value.
    assert "It is [redacted], or [redacted]E=, or [redacted] in an address." in early.completed.values()
    assert_nowhere("what readers got live", "\n".join(frames))
    until(lambda: len(memories(stack, run)) > 0, why=stack.logs)
    assert_told_all(stack, session_id)
    until(lambda: any("run.succeeded" in body for body in outside.told), why=stack.logs)
    assert_nowhere("what webhooks tell", "\n".join(outside.told))
    for place, text in everything(stack, run, session_id, hook["id"]).items():
        assert text, place
        assert_nowhere(place, text)
    stack.post("/v1/tools/double/disable", {"reason": "the test is over"})
    with stack.client() as http:
        http.delete(f"/v1/webhooks/{hook['id']}").raise_for_status()


class Recording:
    """A socket that keeps what came."""

    def __init__(self, socket: Any, frames: list[str]) -> None:
        self._socket = socket
        self._frames = frames

    def recv(self, timeout: float) -> str:
        frame: str = self._socket.recv(timeout=timeout)
        self._frames.append(frame)
        return frame


def assert_told_all(stack: Stack, session_id: str) -> None:
    """The run went every way that it was to go, so that not finding the secret there says something."""
    ended = [event["payload"] for event in stack.events(session_id) if event["type"] == "tool.finished"]
    assert [(each["name"], each["outcome"]) for each in ended] == [
        ("request_capability", "ok"),
        ("double", "ok"),
        ("remember", "denied"),
        ("http_get", "ok"),
        ("python", "ok"),
        ("no such tool [redacted]", "retry"),
        ("http_get", "ok"),
    ]
    assert "[redacted]" in ended[3]["content"]
    assert ended[4]["artifact_sha256"]
    assert any(event["type"] == "model.failed" for event in stack.events(session_id))


def memories(stack: Stack, run: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [item for item in stack.get("/v1/memories", limit=100)["items"] if item["run_id"] == run["id"]]


def everything(stack: Stack, run: Mapping[str, Any], session_id: str, hook_id: str) -> dict[str, str]:
    """Each place that text of a run can leave by, and what stands there."""
    asked = [event["seq"] for event in stack.events(session_id) if event["type"] == "model.called"][-1]
    paths = {
        "events": f"/v1/sessions/{session_id}/events?limit=500",
        "the run": f"/v1/runs/{run['id']}",
        "the trace": f"/v1/runs/{run['id']}/trace",
        "what a model was asked": f"/v1/runs/{run['id']}/requests/{asked}",
        "memories": "/v1/memories?limit=100",
        "tools": "/v1/tools/double/versions",
        "a tool's bundle": "/v1/tools/double/versions/1/bundle",
        "deliveries": f"/v1/webhooks/{hook_id}/deliveries",
        "the audit log": "/v1/audit?limit=200",
        "the audit log's export": "/v1/audit/export",
    }
    with stack.client() as http:
        found = {place: http.get(path).raise_for_status().text for place, path in paths.items()}
    found |= {f"the log of {child.name}": child.text() for child in (*stack.apis, *stack.workers, *stack.beats)}
    found["the database"] = whole_database(stack.database_url)
    found["the broker"] = whole_broker(stack.env["HORTUS_BROKER_URL"])
    found["the vector index"] = whole_index(stack.env["HORTUS_QDRANT_URL"])
    return found


def whole_broker(url: str) -> str:
    """Every key of every kind, and what stands under it."""
    with redis.Redis.from_url(url) as client:
        read = {
            b"string": client.get,
            b"list": lambda key: client.lrange(key, 0, -1),
            b"hash": client.hgetall,
            b"set": client.smembers,
            b"zset": lambda key: client.zrange(key, 0, -1),
        }
        return "\n".join(repr((key, read[client.type(key)](key))) for key in client.scan_iter())


def whole_index(url: str) -> str:
    with httpx.Client(base_url=url, trust_env=False) as http:
        names = [each["name"] for each in http.get("/collections").raise_for_status().json()["result"]["collections"]]
        asked = {"limit": 1000, "with_payload": True}
        return "\n".join(
            http.post(f"/collections/{name}/points/scroll", json=asked).raise_for_status().text for name in names
        )
