"""Small backends of ports for API tests, and a client that knows its key."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx

from hortus_agents.events import Event, EventPayload, NewEvent, RecallReason
from hortus_server.domain.errors import NotFoundError, UnavailableError
from hortus_server.domain.ids import AgentId, JobId, MemoryId, RunId, SessionId, TenantId
from hortus_server.domain.records import JobKind, Memory
from hortus_server.ports.live import LivePublisher
from hortus_server.ports.memory_index import MemoryHit, MemoryHits
from hortus_server.ports.probes import ModelInfo
from hortus_server.ports.store import Store
from hortus_server.ports.workers import WorkerInfo


@dataclass
class ListQueue:
    """Wake-ups as a list."""

    runs: list[RunId] = field(default_factory=list)
    jobs: list[JobKind] = field(default_factory=list)

    async def wake_run(self, run_id: RunId) -> None:
        self.runs.append(run_id)

    async def wake_job(self, job_id: JobId, kind: JobKind) -> None:
        self.jobs.append(kind)


@dataclass
class WordIndex:
    """Memories by shared words."""

    texts: dict[MemoryId, str] = field(default_factory=dict)
    is_down: bool = False

    async def search(
        self, tenant_id: TenantId, query: str, *, limit: int, agent_id: AgentId | None = None
    ) -> MemoryHits:
        if self.is_down:
            raise UnavailableError("qdrant", "no answer")
        words = set(query.lower().split())
        scored = [
            (len(words & set(text.lower().split())) / len(words), memory_id) for memory_id, text in self.texts.items()
        ]
        best = sorted((one for one in scored if one[0] > 0), reverse=True)[:limit]
        found = (MemoryHit(memory_id, score, RecallReason(coverage=score)) for score, memory_id in best)
        return MemoryHits(tuple(found), not best)

    async def put(self, memory: Memory) -> None:
        if self.is_down:
            raise UnavailableError("qdrant", "no answer")
        self.texts[memory.id] = f"{memory.title} {memory.content}"

    async def forget(self, tenant_id: TenantId, ids: Sequence[MemoryId]) -> None:
        if self.is_down:
            raise UnavailableError("qdrant", "no answer")
        for memory_id in ids:
            self.texts.pop(memory_id, None)


@dataclass
class OneWorker:
    """A fleet of one."""

    state: str = "running"

    async def list(self) -> tuple[WorkerInfo, ...]:
        now = datetime.now(UTC)
        return (WorkerInfo("worker@host", "host", 42, self.state, ("runs", "memory"), 100, 3, now),)

    async def drain(self, worker_id: str) -> WorkerInfo:
        return await self._set(worker_id, "draining")

    async def resume(self, worker_id: str) -> WorkerInfo:
        return await self._set(worker_id, "running")

    async def _set(self, worker_id: str, state: str) -> WorkerInfo:
        if worker_id != "worker@host":
            raise NotFoundError("worker", worker_id)
        self.state = state
        return (await self.list())[0]


class OneModel:
    """A catalogue of one."""

    async def list(self) -> tuple[ModelInfo, ...]:
        return (ModelInfo("tiny", "constrained", is_default=True),)


@dataclass
class SwitchedProbe:
    """A component that is up or down."""

    component: str = "broker"
    is_down: bool = False

    async def check(self) -> str:
        if self.is_down:
            raise UnavailableError(self.component, "no answer")
        return "answers"


@dataclass
class Writer:
    """Commits events as a worker would, and publishes them."""

    store: Store
    live: LivePublisher
    tenant_id: TenantId
    session_id: SessionId

    async def write(self, *payloads: EventPayload, publish: bool = True) -> tuple[Event, ...]:
        async with self.store.system_transaction() as uow:
            events = await uow.events.append(
                self.tenant_id, self.session_id, [NewEvent(payload=payload) for payload in payloads]
            )
        if publish:
            await self.live.publish_events(self.tenant_id, self.session_id, events)
        return events


class Caller:
    """A key's view of the API."""

    def __init__(self, http: httpx.AsyncClient, key: str, tenant_id: TenantId) -> None:
        self.http = http
        self.key = key
        self.tenant_id = tenant_id
        self.headers = {"Authorization": f"Bearer {key}"}

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        options["headers"] = {**self.headers, **options.get("headers", {})}
        return await self.http.request(method, path, **options)

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.call("GET", path, **options)

    async def post(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        return await self.call("POST", path, json=body, **options)

    async def delete(self, path: str, **options: Any) -> httpx.Response:
        return await self.call("DELETE", path, **options)

    async def agent(self, name: str = "helper", **spec: Any) -> dict[str, Any]:
        answer = await self.post("/v1/agents", {"name": name, "spec": spec})
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def session(self, agent: str = "helper") -> UUID:
        answer = await self.post("/v1/sessions", {"agent": agent, "title": "talk"})
        assert answer.status_code == 201, answer.text
        return UUID(answer.json()["id"])


def is_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check the shape that every error has."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["code"] == code
    assert document["type"] == f"/problems/{code}"
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    assert document["request_id"] == answer.headers["x-request-id"]
    return document


async def eventually(check: Any, *, within_s: float = 30.0) -> None:
    """Wait until an async condition holds."""
    async with asyncio.timeout(within_s):
        while not await check():
            await asyncio.sleep(0.02)
