"""A desk with tools whose effects a ledger counts, and a model that does whatever any text tells it to."""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from hortus_agents.errors import ToolFailedError
from hortus_agents.events import (
    ApprovalRequested,
    Event,
    EventPayload,
    MemoryRecalled,
    MemoryWritten,
    MessageCreated,
    NewEvent,
    PolicyDecided,
    RecalledItem,
    RunQueued,
    RunStarted,
    ToolCalled,
    ToolFinished,
)
from hortus_agents.labels import USER, Label
from hortus_agents.limits import RunLimits
from hortus_agents.loop.engine import RunSetup, StepEngine
from hortus_agents.loop.labelling import label_of_log
from hortus_agents.loop.quarantine import QuarantinedReader
from hortus_agents.loop.state import RunState, fold_session
from hortus_agents.loop.step import Commit, RunScope
from hortus_agents.messages import ChatRequest, ChatResult, JsonObject, TextDelta, ToolCall, ToolSpec, Usage
from hortus_agents.models.scripted.obedience import ANSWER_LIMIT, filled_form, orders, strings_in
from hortus_agents.spec import AgentSpec, MemorySpec, ToolMode
from hortus_agents.tools.builtin.calculate import CalculateTool
from hortus_agents.tools.builtin.read_untrusted import ReadUntrustedTool
from hortus_agents.tools.builtin.recall import RecallTool
from hortus_agents.tools.builtin.remember import RememberTool
from hortus_agents.tools.memory import MemoryScope
from hortus_agents.tools.policy import ToolPolicy
from hortus_agents.tools.port import SideEffect, Tool, ToolContext, ToolDefinition, ToolOutput
from hortus_agents.tools.proxy import Terms
from hortus_agents.tools.registry import ToolRegistry

SPACE = UUID("5ec0417e-0000-4000-8000-000000000000")
OURS = Label(origin="tool", trust=1)
BROKEN = "broken"
"""A tool whose text begins so fails with it."""
ASKED = "The form is about this: "
MOST_STEPS = 40


@dataclass(slots=True)
class Ledger:
    """What happened outside, counted outside of the loop."""

    effects: list[tuple[str, JsonObject]] = field(default_factory=list)


@dataclass(frozen=True)
class DeskTool:
    """One tool: what it gives back for which argument, and how far it reaches. Effects go to the ledger."""

    definition: ToolDefinition
    texts: Mapping[str, str]
    ledger: Ledger

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:  # noqa: ARG002
        name = self.definition.spec.name
        if self.definition.side_effect >= SideEffect.EXTERNAL:
            self.ledger.effects.append((name, dict(arguments)))
        key = str(next(iter(arguments.values()), ""))
        text = self.texts.get(f"{name} {key}", self.texts.get(name, f"{name}: done"))
        if text.startswith(BROKEN):
            raise ToolFailedError(text)
        return ToolOutput(text)


@dataclass(frozen=True, slots=True)
class Facts:
    """How a tool is declared."""

    reach: SideEffect = SideEffect.READ
    output: Label | None = None
    arguments: tuple[str, ...] = ("name",)
    own_words: bool = False
    content: tuple[str, ...] = ()


TOOLS: Mapping[str, Facts] = {
    "fetch_page": Facts(SideEffect.EXTERNAL, Label(origin="web", trust=0), ("url",), own_words=True),
    "read_document": Facts(),  # declares nothing, as a plug-in may: anybody may have written a document
    "document_facts": Facts(),
    "read_inbox": Facts(arguments=()),
    "weather": Facts(arguments=("city",)),
    "list_events": Facts(output=OURS, arguments=()),
    "look_up_price": Facts(output=OURS),
    "read_payroll": Facts(output=Label(origin="tool", trust=1, sensitivity=2, source="payroll"), arguments=()),
    "convert": Facts(output=OURS, arguments=("amount", "to")),
    "write_draft": Facts(SideEffect.SCRATCH, OURS, ("text",)),
    "send_mail": Facts(SideEffect.EXTERNAL, OURS, ("to", "text"), content=("text",)),
    "post_message": Facts(SideEffect.EXTERNAL, OURS, ("channel", "text"), content=("text",)),
    "add_event": Facts(SideEffect.EXTERNAL, OURS, ("title", "at"), content=("title",)),
    "move_file": Facts(SideEffect.EXTERNAL, OURS, ("name", "to")),
    "delete_file": Facts(SideEffect.IRREVERSIBLE, OURS, ("name",)),
    "pay": Facts(SideEffect.IRREVERSIBLE, OURS, ("to", "amount")),
}


def definition_of(name: str, facts: Facts, *, described: str = "", by: Label | None = None) -> ToolDefinition:
    properties = {argument: {"type": "string"} for argument in facts.arguments}
    parameters = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    spec = ToolSpec(name=name, description=described or name.replace("_", " "), parameters=parameters)
    return ToolDefinition(
        spec,
        facts.reach,
        output=facts.output,
        described_by=by,
        own_words=facts.own_words,
        content_arguments=facts.content,
    )


@dataclass(slots=True)
class ObedientModel:
    """Does every `CALL tool {json}` that stands in any text of its prompt, fenced or not; then its own `script`.

    The script is what a good model would do for the task; the user's message says it in plain words only. It answers
    with all that it has read, so that what is injected travels on into histories and memories. As a planner it writes
    down `plan`; as a reader it fills the form as the text says, or as `forms` say for a question where it says nothing.
    """

    name: str = "obedient"
    tool_mode: ToolMode = "native"
    script: tuple[ToolCall, ...] = ()
    plan: JsonObject = field(default_factory=dict)
    forms: Mapping[str, JsonObject] = field(default_factory=dict)
    requests: list[ChatRequest] = field(default_factory=list)

    async def can_continue(self) -> bool:
        return False

    async def stream(self, request: ChatRequest) -> AsyncGenerator[TextDelta | ChatResult, None]:
        self.requests.append(request)
        yield self._reply(request)

    def _reply(self, request: ChatRequest) -> ChatResult:
        texts = [message.content for message in request.messages]
        offered = [text for tool in request.tools for text in strings_in(tool.model_dump(mode="json"))]
        purpose = request.metadata.get("purpose")
        if purpose == "read_untrusted":
            return _said(json.dumps(self._form(request)))
        if purpose == "plan":
            return _said(json.dumps(self.plan or {"steps": [], "reply": "nothing to do"}))
        made = [(call.name, call.arguments) for message in request.messages for call in message.tool_calls]
        for name, arguments in [*orders([*texts, *offered]), *((call.name, call.arguments) for call in self.script)]:
            if (name, arguments) not in made:
                return _said("", ToolCall(id="c", name=name, arguments=arguments))
        return _said("I read: " + " | ".join(texts[1:])[:ANSWER_LIMIT])

    def _form(self, request: ChatRequest) -> JsonObject:
        text = request.messages[-1].content
        known = self.forms.get(text.rpartition(ASKED)[2])
        if known is not None and not orders([text]):
            return {"enough_information": True, "values": known}
        return dict(filled_form(request.json_schema or {}, text))


def _said(text: str, *calls: ToolCall) -> ChatResult:
    return ChatResult(
        text=text,
        tool_calls=calls,
        finish_reason="tool_calls" if calls else "stop",
        usage=Usage(prompt_tokens=10, completion_tokens=5),
        model="obedient",
        duration_ms=1.0,
    )


@dataclass(slots=True)
class Memories:
    """The port of an agent's memory over a list; what is kept has the label of what its run had read."""

    items: list[RecalledItem] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)

    async def recall(self, query: str, *, scope: MemoryScope, limit: int) -> MemoryRecalled:
        found = tuple(item for item in self.items if item.run_id != scope.run_id)[-limit:]
        return MemoryRecalled(query=query, items=found, low_confidence=not found)

    async def remember(self, text: str, *, scope: MemoryScope, key: str) -> MemoryWritten:
        self.ledger.effects.append(("remember", {"text": text}))
        item = self.keep(text, run_id=scope.run_id, label=scope.label, key=key)
        return MemoryWritten(
            memory_id=item.memory_id, kind="note", title=text[:40], source_first_seq=1, source_last_seq=1
        )

    def keep(self, text: str, *, run_id: UUID, label: Label, key: str = "episode") -> RecalledItem:
        item = RecalledItem(
            memory_id=uuid5(run_id, key),
            title="an earlier session",
            content=text,
            score=1.0,
            occurred_at=datetime(2026, 11, 1, tzinfo=UTC),
            run_id=run_id,
            label=label,
        )
        self.items.append(item)
        return item


@dataclass(slots=True)
class Desk:
    """One tenant's desk: tools, an agent, sessions. `texts` are what tools give back.

    `comments` are other people's words that are passed on to a run under way. An agent has all tools, or `only` some
    of the desk's own; `plugins` stand in for all of them. Without `policy` the shipped defaults hold.
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    described: Mapping[str, tuple[str, Label]] = field(default_factory=dict)
    strategy: str = "react"
    plugins: Mapping[str, Tool] | None = None
    policy: ToolPolicy | None = None
    comments: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    ledger: Ledger = field(default_factory=Ledger)
    model: ObedientModel = field(default_factory=ObedientModel)
    memories: Memories = field(default_factory=Memories)
    log: list[Event] = field(default_factory=list)
    runs: int = 0
    sessions: int = 0

    async def run(
        self, content: str, *script: ToolCall, label: Label | None = None, instructions: str = "Help."
    ) -> RunState:
        """Submit, and drive until the run ends or parks."""
        self.memories.ledger, self.model.script = self.ledger, script
        self.runs += 1
        run_id = uuid5(SPACE, f"{id(self)}/{self.runs}")
        names = self.only or tuple(TOOLS)
        plugins = self.plugins or {name: self._tool(name, TOOLS[name]) for name in names}
        spec = AgentSpec.model_validate(
            {
                "instructions": instructions,
                "strategy": self.strategy,
                "tools": () if self.plugins or self.only else ("calculate", "recall", "remember"),
                "plugins": tuple(plugins),
                "memory": MemorySpec(),
            }
        )
        builtins: dict[Any, Any] = {
            "calculate": CalculateTool(),
            "recall": RecallTool(self.memories),
            "remember": RememberTool(self.memories),
            "read_untrusted": ReadUntrustedTool(QuarantinedReader(self.model)),
        }
        setup = RunSetup(
            scope=RunScope(SPACE, SPACE, run_id, SPACE),
            spec=spec,
            limits=RunLimits(),
            model=self.model,
            registry=ToolRegistry(builtins, plugins=plugins, policy=self.policy),
        )
        first = MessageCreated(message_id=uuid5(run_id, "m"), content=content, label=label)
        queued = RunQueued(agent_id=SPACE, agent_version_id=SPACE, agent_version=1, limits=RunLimits())
        others = Label(origin="web", trust=0, source="a comment")
        comments = [
            MessageCreated(message_id=uuid5(run_id, text), content=text, label=others, steers=True)
            for text in self.comments
        ]
        self._append(run_id, [first, queued, RunStarted(worker_id="w", generation=1), *comments])
        await self._drive(run_id, setup)
        state = fold_session(self.log, run_id)
        own = [event.payload for event in self.log if event.run_id == run_id]
        if state.output:
            self.memories.keep(state.output, run_id=run_id, label=label_of_log(own, spec))
        return state

    def new_session(self) -> None:
        """What was said stays in memory only."""
        self.sessions += 1
        self.log.clear()

    def rules(self, run_id: UUID) -> list[str]:
        """The rules that decided about this run's calls."""
        own = [event.payload for event in self.log if event.run_id == run_id]
        return [payload.rule for payload in own if isinstance(payload, PolicyDecided | ApprovalRequested)]

    async def _drive(self, run_id: UUID, setup: RunSetup) -> None:
        engine = StepEngine(memory=self.memories, clock=self._now, jitter=lambda: 0.0)

        async def emit(
            events: Sequence[NewEvent],
            *,
            effect: int | None = None,  # noqa: ARG001
            terms: Terms | None = None,  # noqa: ARG001
        ) -> None:
            self._append(run_id, [event.payload for event in events], step=events[0].step)

        for _ in range(MOST_STEPS):
            state = fold_session(self.log, run_id)
            if state.finished or state.parked:
                return
            async with aclosing(engine.step(state, setup, emit)) as emissions:
                async for emission in emissions:
                    if isinstance(emission, Commit):
                        for event in emission.events:
                            self._append(run_id, [event.payload], step=event.step)

    def calls(self) -> list[tuple[str, JsonObject]]:
        """The calls that ran to a good end, in order."""
        begun = {p.call_id: (p.name, p.arguments) for e in self.log if isinstance(p := e.payload, ToolCalled)}
        ended = [e.payload for e in self.log if isinstance(e.payload, ToolFinished)]
        return [begun[one.call_id] for one in ended if one.outcome == "ok" and one.call_id in begun]

    def _tool(self, name: str, facts: Facts) -> DeskTool:
        described, by = self.described.get(name, ("", USER))
        definition = definition_of(name, facts, described=described, by=by if described else None)
        return DeskTool(definition, self.texts, self.ledger)

    def _append(self, run_id: UUID, payloads: Sequence[EventPayload], *, step: int = 0) -> None:
        for payload in payloads:
            seq = len(self.log) + 1
            self.log.append(
                Event(
                    session_id=SPACE,
                    seq=seq,
                    run_id=run_id,
                    step=step,
                    type=payload.type,
                    at=self._now(),
                    payload=payload,
                )
            )

    def _now(self) -> datetime:
        return datetime(2026, 11, 2, tzinfo=UTC) + timedelta(milliseconds=len(self.log))
