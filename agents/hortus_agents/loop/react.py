"""ReAct: think by calling tools until there is an answer (Yao et al., 2022), one step at a time."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import UUID

from hortus_agents.events import MessageCompleted, MessageRestarted, ModelCalled, RunSucceeded, StepStarted
from hortus_agents.loop.continuing import continuable
from hortus_agents.loop.interpret import (
    DUPLICATE_CALL,
    FORCED_ANSWER,
    FORCED_USE,
    Reply,
    any_duplicate,
    interpret_constrained,
    interpret_native,
    must_answer,
    must_use,
)
from hortus_agents.loop.journal import Journal, message_id
from hortus_agents.loop.labelling import ANSWER
from hortus_agents.loop.marking import entering
from hortus_agents.loop.model_call import ModelCall, prompt_sha256
from hortus_agents.loop.prompt import build_messages, step_schema
from hortus_agents.loop.state import RunState
from hortus_agents.loop.step import Draft, Emission, StepDeps
from hortus_agents.loop.tool_calls import decide_and_call
from hortus_agents.messages import ChatRequest, ChatResult
from hortus_agents.spec import ToolMode

_MIN_TOKENS = 16
_TELL_BELOW = 0.2  # share of a budget that is left


class ReactStrategy:
    """Build the prompt, call the model, interpret, run tools, finish."""

    async def step(self, state: RunState, deps: StepDeps) -> AsyncGenerator[Emission, None]:
        """See Strategy."""
        async with aclosing(decide_and_call(Journal(state, deps), deps, self._think)) as emissions:
            async for emission in emissions:
                yield emission

    async def _think(self, journal: Journal, deps: StepDeps) -> AsyncGenerator[Emission, None]:
        """One model call and what it means. Its events stay uncommitted while tool calls follow."""
        limit = journal.exhausted()
        if limit is not None:
            journal.note_exhausted(limit, partial=deps.draft.text if deps.draft is not None else "")
            yield journal.commit()
            return
        number = journal.state.step + 1
        identity = message_id(journal.state.run_id, number)
        unheard = journal.state.unheard
        # What another worker wrote may not have seen what the user has said since: then it is written anew.
        draft = await _continuable(deps, identity) if journal.state.taken_over and not unheard else None
        if journal.state.taken_over and draft is None:
            reason = "steered" if unheard else "worker_lost"
            journal.note(MessageRestarted(message_id=identity, reason=reason), step=number)
            yield journal.commit()
        begun_at = deps.clock()
        forced = is_forced(journal.state, deps)
        request = build_request(journal.state, deps, forced=forced)
        call = ModelCall(request, journal, deps, message_id=identity, step=number, draft=draft)
        async with aclosing(call.run()) as emissions:
            async for emission in emissions:
                yield emission
        if call.result is None:
            yield journal.commit()
            return
        reply = self._interpret(call.result, journal.state, deps, step=number, forced=forced)
        bound = tuple(spec.name for spec in deps.tools.specs)
        labels = entering(journal.state, deps.spec, deps.tools.described)
        journal.note(StepStarted(bound_tools=bound, labels=labels), step=number, at=begun_at)
        called = _model_called(call.result, reply, request, message_id=identity)
        heard = tuple(said.message_id for said in unheard)
        journal.note(called.model_copy(update={"cost_micros": deps.price.cost_micros(called.usage), "heard": heard}))
        if reply.answer is not None:
            label = journal.state.labels.mark(ANSWER)
            journal.note(MessageCompleted(message_id=identity, content=reply.answer, label=label))
            journal.note(RunSucceeded(spent=journal.state.spent, usage=journal.state.usage))
        else:
            journal.note_nearing()
        if not journal.state.pending:
            yield journal.commit()

    @staticmethod
    def _interpret(result: ChatResult, state: RunState, deps: StepDeps, *, step: int, forced: bool) -> Reply:
        if tool_mode(deps) == "native":
            reply = interpret_native(result, state, step=step)
        else:
            reply = interpret_constrained(result, state, step=step)
        if any_duplicate(state, reply.calls):
            return Reply(reply.calls, guard=DUPLICATE_CALL)
        if not forced and tool_mode(deps) == "constrained" and any(c.name == must_use(state) for c in reply.calls):
            return Reply(reply.calls, guard=FORCED_USE)
        if forced and reply.guard is None and reply.answer is not None and deps.tools.specs:
            return Reply(answer=reply.answer, guard=FORCED_ANSWER)
        return reply


def _model_called(result: ChatResult, reply: Reply, request: ChatRequest, *, message_id: UUID) -> ModelCalled:
    return ModelCalled(
        message_id=message_id,
        model=result.model,
        tool_mode="constrained" if request.json_schema is not None else "native",
        text=result.text,
        tool_calls=reply.calls,
        answer=reply.answer,
        finish_reason=result.finish_reason,
        usage=result.usage,
        duration_ms=result.duration_ms,
        first_token_ms=result.first_token_ms,
        prompt_sha256=prompt_sha256(request),
        guard=reply.guard,
    )


async def _continuable(deps: StepDeps, identity: UUID) -> Draft | None:
    return await continuable(deps.draft, deps, message_id=identity, constrained=tool_mode(deps) == "constrained")


def tool_mode(deps: StepDeps) -> ToolMode:
    """The agent's own choice, or the model's."""
    return deps.spec.tool_mode or deps.model.tool_mode


def budget_line(state: RunState, deps: StepDeps) -> str | None:
    """What the agent is told once a fifth or less of its tokens, money or time is left."""
    limits, spent = deps.limits, state.spent
    elapsed_s = (deps.clock() - state.started_at).total_seconds() if state.started_at is not None else 0.0
    shares = {"tokens": 1 - spent.tokens / limits.tokens, "time": 1 - elapsed_s / limits.wall_s}
    if limits.cost_micros is not None:
        shares["money"] = 1 - spent.cost_micros / limits.cost_micros
    name = min(shares, key=lambda each: shares[each])
    left = max(shares[name], 0.0)
    return f"Budget: {left:.0%} of the {name} is left. Finish soon." if left <= _TELL_BELOW else None


def is_forced(state: RunState, deps: StepDeps) -> bool:
    """Whether the next model call has no choice but to answer."""
    return must_answer(
        state,
        steps_left=deps.limits.steps - state.spent.steps,
        calls_left=deps.limits.model_calls - state.spent.model_calls,
        tools_left=deps.limits.tool_calls - state.spent.tool_calls,
    )


def build_request(state: RunState, deps: StepDeps, *, forced: bool) -> ChatRequest:
    """The next model call; `forced` leaves it no choice but to answer."""
    mode = tool_mode(deps)
    specs = deps.tools.specs
    schema = step_schema(specs, answer_only=forced, only=must_use(state)) if mode == "constrained" else None
    tokens_left = max(deps.limits.tokens - state.spent.tokens, _MIN_TOKENS)
    return ChatRequest(
        model=deps.model.name,
        messages=build_messages(state, deps.spec, specs, mode=mode, last=forced, note=budget_line(state, deps)),
        tools=() if forced or mode == "constrained" else specs,
        json_schema=schema,
        max_tokens=min(deps.limits.completion_tokens, tokens_left),
        temperature=deps.spec.temperature,
        metadata={"run_id": str(state.run_id), "step": str(state.step + 1), "purpose": "act"},
    )
