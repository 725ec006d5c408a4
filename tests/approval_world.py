"""Runs whose calls wait for people: real rows, loop and log; only the model and the tool are plays."""

import json
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from agent_world import SPEC, EchoTool, ListModel
from store_world import ENDED, LEASE, World

from hortus_agents.events import ApprovalRequested, Event, NewEvent
from hortus_agents.loop.engine import RunSetup, StepEngine
from hortus_agents.loop.state import RunState, fold_session
from hortus_agents.loop.step import Commit, RunScope
from hortus_agents.spec import AgentSpec, ApprovalSpec
from hortus_agents.tools.registry import ToolRegistry
from hortus_server.domain.approvals import Approval, ApprovalFilter, Decider, Ruling
from hortus_server.domain.ids import ApprovalId, KeyId, RunId, SessionId, TenantId
from hortus_server.domain.records import Claim, Run
from hortus_server.ports.store import UnitOfWork
from hortus_server.services.cancel_run import CancelRun
from hortus_server.services.decide_approval import DecideApproval
from hortus_server.services.end_waits import EndWaits
from hortus_server.services.load_policies import LoadPolicies
from hortus_server.services.run_log import RunLog, RunPorts
from hortus_server.services.wake_waiting import WakeWaiting

ANN, BOB = (Decider.of_key(KeyId(uuid4()), name) for name in ("ann", "bob"))


@dataclass
class Told:
    """Queue, live channel and observer in one: keeps who was woken, forgets the rest."""

    woken: list[RunId] = field(default_factory=list)
    published: list[str] = field(default_factory=list)

    async def wake_run(self, run_id: RunId) -> None:
        self.woken.append(run_id)

    async def wake_job(self, *_: Any) -> None:
        raise AssertionError("no jobs are owed here")

    async def publish_events(self, _tenant_id: TenantId, _session_id: SessionId, events: Sequence[Event]) -> None:
        self.published += [event.type for event in events]

    def events_committed(self, *_: Any, **__: Any) -> None:
        pass


class AskingModel(ListModel):
    """Asks for the same call in its first step, then answers."""

    call: str

    async def stream(self, request: Any) -> Any:
        first = all(message.role != "assistant" for message in request.messages)
        self.replies.append(self.call if first else json.dumps({"answer": "done"}))
        async for part in super().stream(request):
            yield part


@dataclass
class Desk:
    """A tenant's runs of one tool, a worker that can die after any commit, and the people who decide."""

    world: World
    tool: Any = field(default_factory=EchoTool)
    arguments: dict[str, Any] = field(default_factory=lambda: {"text": "hi"})
    approval: ApprovalSpec = field(default_factory=lambda: ApprovalSpec(tools=("echo",)))
    told: Told = field(default_factory=Told)

    def __post_init__(self) -> None:
        told: Any = self.told
        store = self.world.store
        waking = WakeWaiting(told, told)
        self.ports = RunPorts(store, told, told, told)
        self.decide_approval = DecideApproval(store, waking)
        self.end_waits = EndWaits(store, waking)
        self.cancel_run = CancelRun(store, told, told)

    @property
    def spec(self) -> AgentSpec:
        return SPEC.model_copy(update={"approval": self.approval, "tools": ("calculate",)})

    async def start(self) -> Run:
        """A run in a session of its own, worked on until it waits."""
        run = await self.world.submit(session=await self.world.another_session())
        await self.work(run)
        return run

    async def work(self, run: Run, *, dies_after: int | None = None) -> RunState | None:
        """A worker takes the run up until it waits or ends, or dies after so many commits; None if it may not."""
        claim = await self.world.claim(run, lease=LEASE if dies_after is None else ENDED)
        return None if claim is None else await self.drive(claim, dies_after=dies_after)

    async def drive(self, claim: Claim, *, dies_after: int | None = None) -> RunState:
        run = claim.run
        async with self.world.store.system_transaction() as uow:
            history = [event async for event in uow.events.stream_for_fold(run.tenant_id, run.session_id, run.id)]
        state = fold_session(history, run.id)
        run_log = RunLog(
            self.ports, claim, state, history[-1].seq, leased_at=time.monotonic(), owes_memory=lambda _: False
        )
        model = AskingModel([])
        model.call = json.dumps({"tool": self.tool.definition.spec.name, "arguments": self.arguments})
        setup = RunSetup(
            scope=RunScope(run.tenant_id, run.session_id, run.id, run.agent_id),
            spec=self.spec,
            limits=run.limits,
            model=model,
            registry=ToolRegistry({"calculate": self.tool}, policy=await LoadPolicies(self.world.store).of(run)),
        )
        commits = 0
        while not (run_log.state.finished or run_log.state.parked):
            async with aclosing(StepEngine().step(run_log.state, setup, run_log.commit)) as emissions:
                async for emission in emissions:
                    if isinstance(emission, Commit):
                        if commits == dies_after:
                            return run_log.state
                        await run_log.commit(emission.events, effect=emission.effect, terms=emission.terms)
                        commits += 1
        return run_log.state

    async def inbox(self, run: Run | None = None, *, status: Any = "pending") -> tuple[Approval, ...]:
        which = ApprovalFilter(status=status, run_id=run.id if run else None)
        async with self.world.store.system_transaction() as uow:
            return (await uow.approvals.list(self.world.tenant_id, Everything(), which=which)).items

    async def asked(self, run: Run) -> Approval:
        (approval,) = await self.inbox(run)
        return approval

    async def decide(self, approval_id: ApprovalId, decision: Any, *, by: Decider = ANN, **more: Any) -> Approval:
        ruling = Ruling(decision, more.get("reason", ""), more.get("answer"))
        return await self.decide_approval(self.world.tenant_id, approval_id, ruling=ruling, decider=by)

    async def types(self, run: Run) -> list[str]:
        return [event.type for event in await self.world.log(run.session_id) if event.run_id == run.id]

    async def run_out_of_time(self, approval_id: ApprovalId) -> None:
        """The clock of the database cannot be moved, so the end is."""
        async with self.world.store._pool.connection() as connection:
            await connection.execute(
                "UPDATE approvals SET expires_at = now() - interval '1 second' WHERE id = %s", (approval_id,)
            )

    async def come_due(self, run: Run) -> None:
        async with self.world.store._pool.connection() as connection:
            await connection.execute(
                "UPDATE timers SET due_at = now() - interval '1 second' WHERE run_id = %s", (run.id,)
            )


@dataclass(frozen=True, slots=True)
class Everything:
    limit: int = 1_000
    cursor: str | None = None


async def ask(uow: UnitOfWork, claim: Claim) -> Approval:
    """A row as a run's call would leave it."""
    run = claim.run
    request = ApprovalRequested(
        approval_id=uuid4(), kind="call", call_id="c1", name="echo", tool_version="1", arguments={"text": "hi"},
        call_sha256="a" * 64, side_effect=2, reason="it reaches outside", expires_at=datetime.now(UTC) + LEASE,
    )  # fmt: skip
    events = await uow.events.append(
        run.tenant_id, run.session_id, [NewEvent(payload=request)], run_id=run.id, generation=claim.generation
    )
    await uow.waits.add_approval(run, events[-1])
    return await uow.approvals.get(run.tenant_id, ApprovalId(request.approval_id))
