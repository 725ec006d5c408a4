"""What a client of a session's stream has on its screen, checked as it reads."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fixtures_stack import Stack
from websockets.sync.client import connect

ENDS = frozenset({"run.succeeded", "run.failed", "run.cancelled", "run.budget_exhausted"})


class Reader:
    """Fails at a repeat, a hole or a rewritten character."""

    def __init__(self) -> None:
        self.shown: dict[str, str] = {}
        self.completed: dict[str, str] = {}
        self.cursor = 0
        self.types: list[str] = []

    def take(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "delta":
            have = self.shown.get(frame["message_id"], "")
            assert frame["index"] == len(have), f"{frame} after {have[-40:]!r}"
            self.shown[frame["message_id"]] = have + frame["text"]
        elif frame["type"] == "snapshot":
            have = self.shown.get(frame["message_id"], "")
            assert frame["text"].startswith(have), f"{frame} after {have[-40:]!r}"
            self.shown[frame["message_id"]] = frame["text"]
        elif frame["type"] == "event":
            event = frame["event"]
            assert event["seq"] == self.cursor + 1
            self.cursor = event["seq"]
            self.types.append(event["type"])
            if event["type"] == "message.restarted":
                self.shown.pop(event["payload"]["message_id"], None)
            if event["type"] == "message.completed":
                self.completed[event["payload"]["message_id"]] = event["payload"]["content"]

    def text(self) -> str:
        return "".join(self.shown.values())

    @property
    def ended(self) -> bool:
        return bool(self.types) and self.types[-1] in ENDS


@contextmanager
def following(stack: Stack, session_id: str, reader: Reader, *, api: int = 0) -> Iterator[Any]:
    url = stack.socket_url(session_id, after=reader.cursor, api=api)
    with connect(url, additional_headers=stack.headers(), proxy=None, open_timeout=60) as socket:
        yield socket


def read_until(socket: Any, reader: Reader, condition: Callable[[], object], *, within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        reader.take(json.loads(socket.recv(timeout=max(0.1, deadline - time.monotonic()))))
