"""A run outside any server: a log in a list, a model that plays a list, a library in a dictionary."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from hortus_agents.errors import ModelError
from hortus_agents.events import Event, MessageCreated, NewEvent, RunQueued, RunResumed, RunStarted
from hortus_agents.evolution.gates import GateReport
from hortus_agents.evolution.negative import NegativeCase, NegativeReport, NegativeResult
from hortus_agents.evolution.ports import Candidate, Proposer, StoredCandidate, TestReport
from hortus_agents.evolution.scan import Finding, ScanReport
from hortus_agents.limits import FREE, DayLeft, RunLimits, TokenPrice
from hortus_agents.loop.engine import RunSetup, StepEngine
from hortus_agents.loop.state import RunState, fold_session
from hortus_agents.loop.step import Commit, Delta, Draft, RunScope
from hortus_agents.messages import ChatRequest, ChatResult, TextDelta, ToolCall, ToolSpec, Usage
from hortus_agents.spec import AgentSpec, MemorySpec, ToolMode
from hortus_agents.tools.capability import Capability, ScoredCapability
from hortus_agents.tools.port import InDoubtPolicy, SideEffect, ToolContext, ToolDefinition, ToolOutput
from hortus_agents.tools.proxy import Terms
from hortus_agents.tools.registry import ToolRegistry

SPACE = UUID("00000000-0000-4000-8000-000000000000")
START = datetime(2026, 11, 2, 12, tzinfo=UTC)


def named(name: str) -> UUID:
    return uuid5(SPACE, name)


Reply = str | ChatResult | ModelError | Callable[[ChatRequest], str]


@dataclass
class ListModel:
    """Plays replies in order; keeps the requests. A reply may be computed from its request."""

    replies: list[Reply]
    tool_mode: ToolMode = "constrained"
    name: str = "listed"
    requests: list[ChatRequest] = field(default_factory=list)
    deltas: int = 3
    closed: int = 0

    async def can_continue(self) -> bool:
        return False

    async def stream(self, request: ChatRequest) -> AsyncGenerator[TextDelta | ChatResult, None]:
        self.requests.append(request)
        assert len(self.requests) <= len(self.replies), f"unexpected call: {request.messages[-1]}"
        reply = self.replies[len(self.requests) - 1]
        if isinstance(reply, ModelError):
            raise reply
        result = (
            reply if isinstance(reply, ChatResult) else text_result(reply if isinstance(reply, str) else reply(request))
        )
        size = max(1, len(result.text) // self.deltas)
        try:
            for start in range(0, len(result.text), size):
                yield TextDelta(text=result.text[start : start + size])
            yield result
        finally:
            self.closed += 1


def text_result(text: str, *, calls: Sequence[ToolCall] = (), finish: str = "stop") -> ChatResult:
    return ChatResult.model_validate({
        "text": text, "tool_calls": tuple(calls), "finish_reason": finish, "model": "listed", "duration_ms": 1.0,
        "usage": Usage(prompt_tokens=10, completion_tokens=2),
    })  # fmt: skip


@dataclass
class EchoTool:
    """Returns its text; counts calls by id. `before` runs first and may raise."""

    name: str = "echo"
    in_doubt: InDoubtPolicy = "rerun"
    side_effect: SideEffect = SideEffect.READ
    timeout_s: float = 5.0
    before: Callable[[ToolContext], Any] | None = None
    calls: list[tuple[str, str]] = field(default_factory=list)

    @property
    def definition(self) -> ToolDefinition:
        parameters = {
            "type": "object",
            "properties": {"text": {"type": "string"}},
            "required": ["text"],
            "additionalProperties": False,
        }
        spec = ToolSpec(name=self.name, description="Says it again.", parameters=parameters)
        return ToolDefinition(spec, self.side_effect, self.in_doubt, self.timeout_s)

    async def call(self, arguments: Any, context: ToolContext) -> ToolOutput:
        self.calls.append((context.call_id, arguments["text"]))
        if self.before is not None:
            await self.before(context)
        return ToolOutput(f"echo: {arguments['text']}")


SPEC = AgentSpec(
    instructions="Be brief.", tools=("calculate", "recall"), memory=MemorySpec(recall=False, remember=False)
)


@dataclass
class World:
    """One session with one run; `commits` and `emitted` show what was written together."""

    model: ListModel
    registry: ToolRegistry
    spec: AgentSpec = SPEC
    limits: RunLimits = field(default_factory=RunLimits)
    task: str = "say hello"
    run: str = "run"
    engine: StepEngine | None = None
    price: TokenPrice = FREE
    day: DayLeft = field(default_factory=DayLeft)
    log: list[Event] = field(default_factory=list)
    commits: list[tuple[str, ...]] = field(default_factory=list)
    deltas: list[Delta] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    now: datetime = START

    def __post_init__(self) -> None:
        if not self.log:
            self.begin(self.run, self.task)

    @property
    def run_id(self) -> UUID:
        return named(self.run)

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.log if event.run_id == self.run_id][3:]

    def payloads(self, type_: str) -> list[Any]:
        return [event.payload for event in self.log if event.type == type_ and event.run_id == self.run_id]

    def begin(self, run: str, task: str, *, generation: int = 1) -> None:
        self.run = run
        queued = RunQueued(agent_id=named("agent"), agent_version_id=SPACE, agent_version=1, limits=self.limits)
        self.append([NewEvent(payload=MessageCreated(message_id=named(task), content=task)), NewEvent(payload=queued)])
        self.take_over(generation=generation)

    def take_over(self, *, generation: int) -> None:
        self.append([NewEvent(payload=RunStarted(worker_id=f"w{generation}", generation=generation))])

    def wake(self) -> None:
        """The time has come that the run waits for, and a worker takes it up."""
        waiting = self.state().waiting_for
        assert waiting is not None
        assert waiting.due_at is not None
        self.now = max(self.now, waiting.due_at)
        self.append([NewEvent(payload=RunResumed(reason="due"))])
        self.take_over(generation=1 + sum(event.type == "run.started" for event in self.log))

    def append(self, events: Sequence[NewEvent]) -> None:
        for new in events:
            self.log.append(
                Event(
                    session_id=named("session"),
                    seq=len(self.log) + 1,
                    run_id=self.run_id,
                    step=new.step,
                    type=new.payload.type,
                    at=new.at or self.now,
                    payload=new.payload,
                )
            )

    async def emit(self, events: Sequence[NewEvent], *, effect: int | None = None, terms: Terms | None = None) -> None:
        self.commits.append(tuple(event.payload.type for event in events))
        self.append(events)

    def state(self) -> RunState:
        return fold_session(self.log, self.run_id)

    def clock(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    async def step(self, *, stop_after: int | None = None, draft: Draft | None = None) -> None:
        """One step; with `stop_after` the driver dies after so many emissions of this step."""
        engine = self.engine or StepEngine()
        engine = replace(engine, clock=self.clock, jitter=lambda: 0.0, pause=self.pause)
        setup = RunSetup(
            scope=RunScope(SPACE, named("session"), self.run_id, named("agent")),
            spec=self.spec,
            limits=self.limits,
            model=self.model,
            registry=self.registry,
            price=self.price,
            day=self.day,
        )
        seen = 0
        async with aclosing(engine.step(self.state(), setup, self.emit, draft=draft)) as emissions:
            async for emission in emissions:
                if isinstance(emission, Commit) and not emission.events:
                    continue
                if isinstance(emission, Commit):
                    await self.emit(emission.events)
                else:
                    self.deltas.append(emission)
                seen += 1
                if seen == stop_after:
                    return

    async def finish(self, *, most: int = 40) -> RunState:
        for _ in range(most):
            if self.state().finished:
                return self.state()
            await self.step()
        raise AssertionError("the run does not end")


@dataclass
class DictStore:
    """A capability store of one tenant. Search is by shared words, which is enough to test what is done with hits."""

    rows: dict[UUID, StoredCandidate] = field(default_factory=dict)
    calls: dict[UUID, tuple[UUID, str]] = field(default_factory=dict)
    reports: dict[UUID, TestReport] = field(default_factory=dict)
    uses: list[tuple[UUID, str, bool]] = field(default_factory=list)
    activates: bool = True

    async def find(self, tenant_id: UUID, query: str, limit: int) -> list[ScoredCapability]:
        words = _words(query)
        hits = [
            ScoredCapability(row.capability, score, score > 0)
            for row in self.rows.values()
            if row.state == "active"
            for text in [_words(f"{row.capability.name} {row.capability.description}")]
            for score in [len(words & text) / max(len(text), 1)]
        ]
        return sorted(hits, key=lambda hit: -hit.score)[:limit]

    async def get(self, tenant_id: UUID, version_id: UUID) -> Capability | None:
        row = self.rows.get(version_id)
        return row.capability if row is not None and row.state == "active" else None

    async def record_use(self, tenant_id: UUID, version_id: UUID, *, run_id: UUID, call_id: str, ok: bool) -> None:
        self.uses.append((version_id, call_id, ok))

    async def propose(self, proposer: Proposer, candidate: Candidate) -> StoredCandidate:
        run_id, call_id = proposer.run_id, proposer.call_id
        version_id = named(f"{call_id}/{candidate.attempt}/{candidate.source}")
        if version_id not in self.rows:
            version = 1 + sum(row.capability.name == candidate.name for row in self.rows.values())
            capability = Capability(
                tool_id=named(candidate.name), version_id=version_id, version=version, name=candidate.name,
                description=candidate.description, parameters=candidate.parameters, returns=candidate.returns,
                source=candidate.source, function=candidate.function, label=candidate.label,
                permissions=candidate.permissions,
            )  # fmt: skip
            self.rows[version_id] = StoredCandidate(capability, "proposed")
            self.calls[version_id] = (run_id, call_id)
        return self.rows[version_id]

    async def of_call(self, tenant_id: UUID, *, run_id: UUID, call_id: str) -> list[StoredCandidate]:
        return [row for version_id, row in self.rows.items() if self.calls[version_id] == (run_id, call_id)]

    async def record_test(self, proposer: Proposer, version_id: UUID, report: TestReport) -> None:
        self.reports[version_id] = report
        row = self.rows[version_id]
        capability = replace(row.capability, tests=report.cases)
        self.rows[version_id] = StoredCandidate(capability, "tested" if report.passed else "rejected")

    async def admit(self, proposer: Proposer, version_id: UUID, report: GateReport) -> StoredCandidate:
        row = self.rows[version_id]
        assert row.state in {"tested", "active"}, row.state
        waits = not self.activates or row.capability.permissions.declared
        state = ("quarantined" if waits else "active") if report.passed else "rejected"
        self.rows[version_id] = StoredCandidate(row.capability, state, "a person decides")
        return self.rows[version_id]

    def disable(self, version_id: UUID) -> None:
        self.rows[version_id] = replace(self.rows[version_id], state="disabled")

    @property
    def active(self) -> list[Capability]:
        return [row.capability for row in self.rows.values() if row.state == "active"]


def _words(text: str) -> set[str]:
    return {word.strip(".,:").lower() for word in text.replace("_", " ").split()} - {"a", "the", "of", "to", "in"}


PROPOSER = Proposer(SPACE, named("agent"), named("r"), "c")
PASSED_GATES = GateReport(
    ScanReport((), "none"), NegativeReport((NegativeResult(NegativeCase("empty", {}), "passed", "ok"),), "bubblewrap")
)


class QuietScanner:
    """Finds what stands in `finds`; the real one takes a quarter of a second."""

    name = "quiet"

    def __init__(self, *finds: Finding) -> None:
        self.finds = finds

    async def find(self, source: str) -> list[Finding]:
        return list(self.finds)
