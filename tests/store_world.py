"""Rows to start from in tests of the durable store."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from hortus_agents.events import (
    Event,
    EventPayload,
    MessageCompleted,
    MessageCreated,
    ModelCalled,
    NewEvent,
    RunQueued,
    RunStarted,
    RunSucceeded,
)
from hortus_agents.limits import RunLimits, Spent
from hortus_agents.loop.labelling import ANSWER
from hortus_agents.messages import Usage
from hortus_agents.spec import AgentSpec
from hortus_server.domain.admission import Priority
from hortus_server.domain.ids import MemoryId, RunId, SessionId, TenantId, ToolId, ToolVersionId, new_id
from hortus_server.domain.keys import Tenant
from hortus_server.domain.records import Agent, AgentVersion, Claim, Memory, Run, Session, ToolVersion
from hortus_server.ports.store import Store

LEASE = timedelta(seconds=30)
ENDED = timedelta(milliseconds=-1)  # a lease that is over when it begins


@dataclass(frozen=True, slots=True)
class PageOf:
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class World:
    """One tenant with an agent and a session."""

    store: Store
    tenant: Tenant
    agent: Agent
    version: AgentVersion
    session: Session

    @property
    def tenant_id(self) -> TenantId:
        return self.tenant.id

    async def another_session(self, *, title: str = "another") -> Session:
        async with self.store.system_transaction() as uow:
            return await uow.sessions.add(self.tenant_id, agent_id=self.agent.id, title=title, metadata={})

    async def submit(
        self, content: str = "hello", *, session: Session | None = None, priority: Priority = "interactive"
    ) -> Run:
        session_id = (session or self.session).id
        run_id = RunId(new_id())
        limits = RunLimits()
        queued = RunQueued(
            agent_id=self.agent.id, agent_version_id=self.version.id, agent_version=self.version.version, limits=limits
        )
        async with self.store.system_transaction() as uow:
            events = await uow.events.append(self.tenant_id, session_id, new(said(content), queued), run_id=run_id)
            return await uow.runs.add(
                self.tenant_id,
                run_id=run_id,
                session_id=session_id,
                version=self.version,
                limits=limits,
                queued_seq=events[-1].seq,
                priority=priority,
            )

    async def claim(self, run: Run, worker_id: str = "w1", *, lease: timedelta = LEASE) -> Claim | None:
        async with self.store.system_transaction() as uow:
            claim = await uow.runs.claim(run.id, worker_id=worker_id, lease=lease)
            if claim is not None:
                started = RunStarted(worker_id=worker_id, generation=claim.generation)
                await uow.events.append(
                    run.tenant_id, run.session_id, new(started), run_id=run.id, generation=claim.generation
                )
            return claim

    async def append(self, claim: Claim, *payloads: EventPayload, step: int = 1) -> tuple[Event, ...]:
        run = claim.run
        async with self.store.system_transaction() as uow:
            return await uow.events.append(
                run.tenant_id, run.session_id, new(*payloads, step=step), run_id=run.id, generation=claim.generation
            )

    async def finish(self, claim: Claim, answer: str = "done") -> Event:
        run = claim.run
        ending = RunSucceeded(spent=Spent(steps=1, model_calls=1, tokens=7), usage=Usage(prompt_tokens=7))
        async with self.store.system_transaction() as uow:
            events = await uow.events.append(
                run.tenant_id,
                run.session_id,
                new(MessageCompleted(message_id=uuid4(), content=answer, label=ANSWER), ending),
                run_id=run.id,
                generation=claim.generation,
            )
            await uow.runs.finish(run.id, claim.generation, event=events[-1])
            return events[-1]

    async def log(self, session_id: SessionId | None = None) -> tuple[Event, ...]:
        async with self.store.system_transaction() as uow:
            return await uow.events.list_after(self.tenant_id, session_id or self.session.id, after=0, limit=10_000)

    async def run(self, run_id: RunId) -> Run:
        async with self.store.system_transaction() as uow:
            return await uow.runs.get(self.tenant_id, run_id)


async def make_world(store: Store, name: str = "acme") -> World:
    async with store.system_transaction() as uow:
        tenant = await uow.tenants.ensure_tenant(name)
        agent, version = await uow.agents.add(tenant.id, name="gardener", description="", spec=AgentSpec())
        session = await uow.sessions.add(tenant.id, agent_id=agent.id, title="first", metadata={"colour": "green"})
    return World(store, tenant, agent, version, session)


def new(*payloads: EventPayload, step: int = 0) -> list[NewEvent]:
    return [NewEvent(step=step, payload=payload) for payload in payloads]


def said(content: str) -> MessageCreated:
    return MessageCreated(message_id=uuid4(), content=content)


def thought(text: str = "hm", *, prompt_tokens: int = 5, completion_tokens: int = 2) -> ModelCalled:
    return ModelCalled(
        message_id=uuid4(),
        model="scripted",
        tool_mode="native",
        text=text,
        finish_reason="stop",
        usage=Usage(prompt_tokens=prompt_tokens, completion_tokens=completion_tokens),
        duration_ms=1.0,
        prompt_sha256="0" * 64,
    )


def make_memory(run: Run, *, title: str = "a walk", age: timedelta = timedelta()) -> Memory:
    now = datetime.now(UTC) - age
    return Memory(
        id=MemoryId(uuid4()),
        tenant_id=run.tenant_id,
        agent_id=run.agent_id,
        session_id=run.session_id,
        run_id=run.id,
        kind="episode",
        visibility="tenant",
        title=title,
        content="It was long.",
        source_first_seq=1,
        source_last_seq=2,
        occurred_at=now,
        created_at=now,
        indexed_at=None,
    )


def make_tool_version(
    tenant_id: TenantId, *, run_id: RunId | None = None, call_id: str | None = None, source: str = "def f(): ..."
) -> ToolVersion:
    return ToolVersion(
        id=ToolVersionId(UUID(int=new_id().int)),
        tenant_id=tenant_id,
        tool_id=ToolId(new_id()),
        version=0,
        state="proposed",
        description="adds",
        parameters={"type": "object"},
        returns={"type": "integer"},
        function="f",
        source=source,
        source_sha256=hashlib.sha256(source.encode()).hexdigest(),
        tests=({"arguments": {}, "expected": 1},),
        test_report=None,
        origin_run_id=run_id,
        origin_call_id=call_id,
        uses=0,
        failures=0,
        created_at=datetime.now(UTC),
        activated_at=None,
    )
