"""Who uses the system while it is being broken: applications that submit, readers that come and go, a person."""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import aiohttp
from ledger import SETTLE_S, Ledger
from ledger_tools import noted

RETRY_S = 0.1
ANSWER_S = 30.0  # a request that takes longer is given up and sent again
DROP_S = (0.2, 3.0)  # how long a reader stays
TERMINAL = frozenset({"run.succeeded", "run.failed", "run.cancelled", "run.budget_exhausted"})
GONE = (aiohttp.ClientError, OSError, TimeoutError)


@dataclass
class Screen:
    """What one reader has seen of a session; `faults` lists what no reader may see."""

    session_id: str
    cursor: int = 0
    visits: int = 0
    shown: dict[str, str] = field(default_factory=dict)
    holes: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    ends: int = 0
    rewinds: int = 0

    def take(self, frame: dict[str, Any]) -> None:
        """Account for one frame."""
        match frame["type"]:
            case "event":
                self._event(frame["event"])
            case "delta":
                self._delta(frame["message_id"], frame["index"], frame["text"])
            case "snapshot":
                self._snapshot(frame["message_id"], frame["text"])
            case "gap":
                self._fault(f"a gap although everything is kept: {frame}")
            case _:
                pass

    def _event(self, event: dict[str, Any]) -> None:
        if event["seq"] != self.cursor + 1:
            self._fault(f"event {event['seq']} after {self.cursor}")
        self.cursor = event["seq"]
        self.ends += event["type"] in TERMINAL
        if event["type"] == "message.restarted":
            self.shown.pop(event["payload"]["message_id"], None)
            self.holes.discard(event["payload"]["message_id"])
        elif event["type"] == "message.completed":
            message, content = event["payload"]["message_id"], event["payload"]["content"]
            shown = self.shown.pop(message, "")
            if message not in self.holes and not content.startswith(shown):
                self._fault(f"message {message}: shown {shown[-60:]!r}, completed {content[:60]!r}")

    def _delta(self, message: str, index: int, text: str) -> None:
        have = self.shown.get(message, "")
        if index > len(have):  # the live channel was wiped: pieces may be missing, never repeated
            self.holes.add(message)
        elif index < len(have):
            self._fault(f"message {message}: {text!r} at {index} when {len(have)} characters were shown")
        self.shown[message] = have.ljust(index) + text

    def _snapshot(self, message: str, text: str) -> None:
        have = self.shown.get(message, "")
        if message not in self.holes:
            # A worker that lost its run may have shown more than its successor had seen of it.
            self.rewinds += len(text) < len(have)
            if not (text.startswith(have) or have.startswith(text)):
                self._fault(f"message {message}: a snapshot {text[-40:]!r} of another text than {have[-40:]!r}")
        self.shown[message] = text
        self.holes.discard(message)

    def _fault(self, what: str) -> None:
        self.faults.append(f"session {self.session_id}, visit {self.visits}: {what}")


@dataclass
class Clients:
    """Everybody, over the api processes at `urls`."""

    http: aiohttp.ClientSession
    urls: tuple[str, ...]
    dice: random.Random
    accepted: dict[str, dict[str, Any]] = field(default_factory=dict)
    decided: int = 0

    async def post(self, path: str, body: dict[str, Any], *, key: str | None = None) -> dict[str, Any]:
        """POST until a server answers; with a key, the same request is the same resource."""
        headers = {"Idempotency-Key": key} if key else {}
        while True:
            with contextlib.suppress(*GONE):
                async with self.http.post(
                    f"{self.dice.choice(self.urls)}{path}", json=body, headers=headers, timeout=_within(ANSWER_S)
                ) as answer:
                    if answer.status < 400:
                        return dict(await answer.json())
                    told = await answer.text()
                    # 409: the first attempt under this key is still under way, or a decision stands already.
                    assert answer.status in {409, 429, 503}, f"{path}: {answer.status} {told}"
                    if answer.status == 409 and key is None:
                        return {}
            await asyncio.sleep(RETRY_S)

    async def get(self, path: str) -> dict[str, Any]:
        """GET until a server answers."""
        while True:
            with contextlib.suppress(*GONE):
                async with self.http.get(f"{self.dice.choice(self.urls)}{path}", timeout=_within(ANSWER_S)) as answer:
                    if answer.status == 200:
                        return dict(await answer.json())
                    assert answer.status == 503, f"{path}: {answer.status} {await answer.text()}"
            await asyncio.sleep(RETRY_S)

    async def converse(self, agent: str, session_id: str, plans: AsyncIterator[str], screen: Screen) -> None:
        """Submit one run after the other, as a reader of the session sees them end."""
        done = 0
        async for plan in plans:
            key = UUID(int=self.dice.getrandbits(128), version=4).hex
            run = await self.post(
                "/v1/runs", {"agent": agent, "session_id": session_id, "input": f"work {plan}"}, key=key
            )
            self.accepted[run["id"]] = {"session_id": session_id, "plan": plan}
            done += 1
            while screen.ends < done:
                await asyncio.sleep(RETRY_S)

    async def read(self, screen: Screen) -> None:
        """Follow a session for ever: by WebSocket or SSE, from this api or that, dropping off at random."""
        while True:
            screen.visits += 1
            follow = self.dice.choice((self._by_socket, self._by_sse))
            with contextlib.suppress(*GONE, json.JSONDecodeError):
                async with asyncio.timeout(self.dice.uniform(*DROP_S)):
                    await follow(screen, self.dice.choice(self.urls))
            await asyncio.sleep(RETRY_S * self.dice.random())

    async def _by_socket(self, screen: Screen, url: str) -> None:
        address = f"{url}/v1/sessions/{screen.session_id}/stream?after={screen.cursor}"
        async with self.http.ws_connect(address, autoclose=True) as socket:
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    screen.take(json.loads(message.data))

    async def _by_sse(self, screen: Screen, url: str) -> None:
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(screen.cursor)}
        async with self.http.get(
            f"{url}/v1/sessions/{screen.session_id}/events", headers=headers, timeout=_within(None)
        ) as answer:
            if answer.status != 200:
                return
            # A line that the end of the connection cut short is no frame.
            async for line in answer.content:
                if line.startswith(b"data:") and line.endswith(b"\n"):
                    screen.take(json.loads(line[5:]))

    async def judge(self, ledger: Ledger) -> None:
        """A person who looks into the ledger and settles every call in doubt, for ever."""
        while True:
            inbox = await self.get("/v1/approvals?status=pending&limit=100")
            await asyncio.sleep(SETTLE_S)
            for asked in inbox["items"]:
                happened = bool(ledger.of(asked["call_id"]))
                told = {"answer": noted(**asked["arguments"])} if happened else {}
                decision = "happened" if happened else "run_again"
                await self.post(f"/v1/approvals/{asked['id']}/decide", {"decision": decision, **told})
                self.decided += 1
            await asyncio.sleep(0.3)


def _within(total_s: float | None) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=total_s, sock_connect=5)
