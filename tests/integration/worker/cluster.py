"""Worker processes over a real database, broker and vector index, against a scripted model."""

import asyncio
import itertools
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from fixtures_valkey import ValkeyServer
from pydantic import SecretStr
from zygote import Forked, warm

from hortus_agents.events import Event, MessageCreated, NewEvent, RunQueued
from hortus_agents.models.scripted import RequestRecord, Script, ScriptedModel
from hortus_agents.spec import AgentSpec, EvolutionSpec, MemorySpec
from hortus_server.adapters.celery.wakeups import open_wakeups
from hortus_server.adapters.postgres.store import PostgresStore
from hortus_server.domain.ids import RunId, SessionId, TenantId, new_id
from hortus_server.domain.records import TERMINAL_STATUSES, AgentVersion, Run, Session

SPEC = AgentSpec(memory=MemorySpec(recall=False, remember=False), evolution=EvolutionSpec(reuse=False), tools=())
LEASE_S = 15.0  # where nobody hangs; a death is told by the lock
WITHIN_S = 60.0  # a busy machine; whatever is awaited takes an idle one a second
START_S = 180.0  # a process imports for 4 s of CPU, and the machine may be busy


def wait_for_port(port: int, *, within_s: float = WITHIN_S) -> None:
    deadline = time.monotonic() + within_s
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


@dataclass
class Cluster:
    store: PostgresStore
    model: ScriptedModel
    broker: ValkeyServer
    env: Mapping[str, str]
    folder: Path
    tenant_id: TenantId
    version: AgentVersion
    processes: list[Forked] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)
    numbers_of: dict[int, int] = field(default_factory=dict)

    @classmethod
    async def make(
        cls,
        store: PostgresStore,
        model: ScriptedModel,
        *,
        broker: ValkeyServer,
        database_url: SecretStr,
        qdrant_url: str,
        folder: Path,
    ) -> "Cluster":
        async with store.system_transaction() as uow:
            tenant = await uow.tenants.ensure_tenant(f"t-{uuid4().hex[:8]}")
            _, version = await uow.agents.add(tenant.id, name="gardener", description="", spec=SPEC)
        env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HORTUS_")},
            "HORTUS_MODE": "embedded",
            "HORTUS_DATABASE_URL": database_url.get_secret_value(),
            "HORTUS_BROKER_URL": broker.url,
            "HORTUS_QDRANT_URL": qdrant_url,
            "HORTUS_MODEL_URL": model.base_url,
            "HORTUS_EMBEDDING_KIND": "hash",
            "HORTUS_WORKER_LEASE_S": str(LEASE_S),
            "HORTUS_WORKER_REAPER_S": "0.3",
            "HORTUS_WORKER_HEARTBEAT_S": "0.1",
            "HORTUS_WORKER_DRAIN_S": "3",
            "HORTUS_LOG_LEVEL": "info",
            "HORTUS_LOG_FORMAT": "json",
        }
        return cls(store, model, broker, env, folder, tenant.id, version)

    # -- processes ---------------------------------------------------------------------------------------------------

    async def start_worker(self, **settings: str) -> Forked:
        return await self._start("worker", settings, ready=" ready.")

    async def start_beat(self) -> Forked:
        return await self._start("beat", {}, ready="beat_ready")

    async def start_worker_and_beat(self) -> Forked:
        async with asyncio.TaskGroup() as group:
            worker = group.create_task(self.start_worker())
            group.create_task(self.start_beat())
        return worker.result()

    async def _start(self, kind: str, settings: Mapping[str, str], *, ready: str) -> Forked:
        number = next(self.numbers)
        log = self.folder / f"process-{number}.log"
        log.touch()
        process = warm().fork(kind, {**self.env, **settings}, log)
        self.processes.append(process)
        self.numbers_of[process.pid] = number
        written = self.log_of(process)
        await until(lambda: ready in written.read_text(), within_s=START_S, why=written.read_text)
        return process

    def log_of(self, process: Forked) -> Path:
        return self.folder / f"process-{self.numbers_of[process.pid]}.log"

    def logs(self) -> str:
        return "\n".join(self.log_of(process).read_text()[-4000:] for process in self.processes)

    async def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait(10)

    # -- rows --------------------------------------------------------------------------------------------------------

    def script(self, *rules: Mapping[str, Any]) -> None:
        self.model.load(Script.model_validate({"rules": list(rules)}))

    async def use(self, spec: AgentSpec) -> None:
        async with self.store.system_transaction() as uow:
            self.version = await uow.agents.add_version(self.tenant_id, self.version.agent_id, spec)

    async def session(self) -> Session:
        async with self.store.system_transaction() as uow:
            return await uow.sessions.add(self.tenant_id, agent_id=self.version.agent_id, title="s", metadata={})

    async def submit(self, content: str = "hello", *, session: Session | None = None, wake: int = 1) -> Run:
        session_id = (session or await self.session()).id
        run_id = RunId(new_id())
        limits = self.version.spec.limits
        queued = RunQueued(
            agent_id=self.version.agent_id,
            agent_version_id=self.version.id,
            agent_version=self.version.version,
            limits=limits,
        )
        said = MessageCreated(message_id=uuid4(), content=content)
        async with self.store.system_transaction() as uow:
            events = await uow.events.append(
                self.tenant_id, session_id, [NewEvent(payload=said), NewEvent(payload=queued)], run_id=run_id
            )
            run = await uow.runs.add(
                self.tenant_id,
                run_id=run_id,
                session_id=session_id,
                version=self.version,
                limits=limits,
                queued_seq=events[-1].seq,
            )
        await self.wake(run, times=wake)
        return run

    async def wake(self, run: Run, *, times: int = 1) -> None:
        async with open_wakeups(self.broker.url, timeout_s=3) as queue:
            for _ in range(times):
                await queue.wake_run(run.id)

    async def run(self, run: Run) -> Run:
        async with self.store.system_transaction() as uow:
            return await uow.runs.get(self.tenant_id, run.id)

    async def events(self, session_id: SessionId) -> tuple[Event, ...]:
        async with self.store.system_transaction() as uow:
            return await uow.events.list_after(self.tenant_id, session_id, after=0, limit=1000)

    async def types(self, run: Run) -> list[str]:
        return [event.type for event in await self.events(run.session_id) if event.run_id == run.id]

    async def ended(self, run: Run) -> Run:
        async def is_over() -> bool:
            return (await self.run(run)).status in TERMINAL_STATUSES

        await until(is_over, why=self.logs)
        return await self.run(run)

    async def seen(self, run: Run, type_: str) -> None:
        async def is_there() -> bool:
            return type_ in await self.types(run)

        await until(is_there, why=self.logs)

    def calls_of(self, run: Run) -> list[RequestRecord]:
        """What the model was asked for a run."""
        return [record for record in self.model.requests if str(run.id) in record.headers.values()]

    async def requests(self, count: int) -> None:
        await until(lambda: len(self.model.requests) >= count, why=self.logs)


async def until(
    condition: Callable[[], bool | Awaitable[bool]], *, within_s: float = WITHIN_S, why: Callable[[], str] = lambda: ""
) -> None:
    deadline = time.monotonic() + within_s
    while True:
        held = condition()
        if not isinstance(held, bool):
            held = await held
        if held:
            return
        assert time.monotonic() < deadline, why()
        await asyncio.sleep(0.02)


def assert_gap_free(events: tuple[Event, ...]) -> None:
    assert [event.seq for event in events] == list(range(1, len(events) + 1))


async def quickest(measure: Callable[[], Awaitable[float]], *, under_s: float) -> None:
    """A claim about time: measured again where the machine may have stood still meanwhile."""
    took_s: list[float] = []
    while not took_s or min(took_s) >= under_s:
        assert len(took_s) < 3, took_s
        took_s.append(await measure())
