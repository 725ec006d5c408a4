"""The request behind a model call, built again from the log that it was made of."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hortus_agents.events import Event, ModelCalled, NewEvent, StepStarted
from hortus_agents.limits import RunLimits
from hortus_agents.loop.model_call import prompt_sha256
from hortus_agents.loop.react import build_request, is_forced
from hortus_agents.loop.state import fold_session
from hortus_agents.loop.step import RunScope, StepDeps
from hortus_agents.messages import ChatRequest, ChatResult, TextDelta
from hortus_agents.spec import AgentSpec, ToolMode
from hortus_agents.tools.port import ToolContext, ToolDefinition, ToolOutput
from hortus_agents.tools.proxy import Terms, ToolProxy


@dataclass(frozen=True, slots=True)
class RebuiltRequest:
    """What a model call was asked; `exact` where its digest is the one that the log noted when the call was made.

    It is not where something outside the log has changed since: a plug-in's description, or the server's own prompts.
    """

    request: ChatRequest
    sha256: str
    exact: bool


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What a rebuilt call needs besides the log: whose run it was, as which definition, with which tools' facts."""

    scope: RunScope
    spec: AgentSpec
    limits: RunLimits
    definitions: Mapping[str, ToolDefinition]


@dataclass(frozen=True, slots=True)
class FoundCall:
    """A call of the agent's own: when its step began, with which tools, and what it gave."""

    started: Event
    bound_tools: tuple[str, ...]
    called: ModelCalled


def find_call(events: Sequence[Event], run_id: UUID, seq: int) -> FoundCall | None:
    """The call that the event `seq` tells of; None where that is another event, or a call that evolution made."""
    found: tuple[Event, tuple[str, ...]] | None = None
    for event in events:
        if event.run_id != run_id or event.seq > seq:
            continue
        payload = event.payload
        if isinstance(payload, StepStarted):
            found = (event, payload.bound_tools)
        elif event.seq == seq and isinstance(payload, ModelCalled) and payload.purpose == "act" and found is not None:
            return FoundCall(*found, payload)
    return None


def rebuild_request(events: Sequence[Event], call: FoundCall, facts: CallFacts) -> RebuiltRequest:
    """Fold what stood in the log before the step began, and build its prompt as the strategy `react` does."""
    run_id = facts.scope.run_id
    before = [event for event in events if event.run_id != run_id or event.seq < call.started.seq]
    state = fold_session(before, run_id)
    tools = [_Described(facts.definitions[name]) for name in call.bound_tools if name in facts.definitions]
    deps = StepDeps(
        scope=facts.scope,
        model=_Named(call.called.model, call.called.tool_mode),
        tools=ToolProxy(tools),
        spec=facts.spec.model_copy(update={"tool_mode": call.called.tool_mode}),
        limits=facts.limits,
        clock=lambda: call.started.at,
        emit=_emit_nothing,
        jitter=lambda: 0.0,
    )
    request = build_request(state, deps, forced=is_forced(state, deps))
    digest = prompt_sha256(request)
    return RebuiltRequest(request, digest, digest == call.called.prompt_sha256)


@dataclass(frozen=True, slots=True)
class _Described:
    """A tool of which only the facts are needed."""

    definition: ToolDefinition

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        """Nothing is called here."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class _Named:
    """A model of which only the name and the mode are needed."""

    name: str
    tool_mode: ToolMode

    async def can_continue(self) -> bool:
        """Nothing is asked here."""
        return False

    def stream(self, request: ChatRequest) -> AsyncIterator[TextDelta | ChatResult]:
        """Nothing is asked here."""
        raise NotImplementedError(request.model)


async def _emit_nothing(
    events: Sequence[NewEvent],
    *,
    effect: int | None = None,
    terms: Terms | None = None,
) -> None:
    """Nothing happens here."""
