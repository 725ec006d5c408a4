"""Plan, then execute: what the run will do is fixed before it reads anything that somebody else wrote.

The planner sees the user's own words and the tools' signatures. What tools give back reaches the arguments of later
calls only as typed values out of the quarantined reader; each call knows which of its arguments hold such. A plan that
cannot go on is made anew once, by a planner that has still read nothing, and after untrusted text only if a person
agrees. Everything is a fold over the log, as in every strategy.
"""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from pydantic import ValidationError

from hortus_agents.events import (
    MessageCompleted,
    ModelCalled,
    PlanAdvanced,
    PlanMade,
    RunFailed,
    RunSucceeded,
    StepStarted,
)
from hortus_agents.json_text import read_json
from hortus_agents.loop.journal import Journal, call_id, message_id
from hortus_agents.loop.labelling import ANSWER
from hortus_agents.loop.marking import entering
from hortus_agents.loop.model_call import ModelCall, prompt_sha256
from hortus_agents.loop.plan import (
    ANSWER_LIMIT,
    MESSAGE,
    READER,
    REVISER,
    CallStep,
    PlanError,
    PlanState,
    ReadStep,
    check_plan,
    resolve,
)
from hortus_agents.loop.planner import PLAN, SHOWN, callable_tools, plan_request, usable_as_is
from hortus_agents.loop.state import RunState
from hortus_agents.loop.step import Emission, StepDeps
from hortus_agents.loop.tool_calls import decide_and_call
from hortus_agents.messages import ChatResult, JsonObject, ToolCall

INVALID_CODE = "plan_invalid"
FAILED_CODE = "plan_failed"
_ATTEMPTS = 2  # at one plan
_REVISIONS = 1


class PlanExecuteStrategy:
    """Make the plan, carry its steps out one by one, fill in the answer."""

    async def step(self, state: RunState, deps: StepDeps) -> AsyncGenerator[Emission, None]:
        """See Strategy."""
        async with aclosing(decide_and_call(Journal(state, deps), deps, self._advance)) as emissions:
            async for emission in emissions:
                yield emission

    async def _advance(self, journal: Journal, deps: StepDeps) -> AsyncGenerator[Emission, None]:
        limit = journal.exhausted()
        if limit is not None:
            journal.note_exhausted(limit)
            yield journal.commit()
            return
        if _wants_plan(journal.state):
            async with aclosing(self._plan(journal, deps)) as emissions:
                async for emission in emissions:
                    yield emission
            return
        plan = journal.state.plan
        if plan is None:
            raise TypeError("a run that wants no plan has one")
        if plan.problem is not None:
            _fail(journal, INVALID_CODE, f"no usable plan was made: {plan.problem}")
        elif plan.revising:
            _fail(journal, FAILED_CODE, "the plan could not go on, and nobody let it be made anew")
        elif plan.failed is not None:
            _deviate(journal, deps, plan, plan.failed)
        else:
            _go_on(journal, deps, plan)
        if not journal.state.pending:
            yield journal.commit()

    async def _plan(self, journal: Journal, deps: StepDeps) -> AsyncGenerator[Emission, None]:
        """One model call and the plan that it gave, or what is wrong with that."""
        number = journal.state.step + 1
        identity = message_id(journal.state.run_id, number)
        begun_at = deps.clock()
        unheard = tuple(said.message_id for said in journal.state.unheard)
        request = plan_request(journal.state, deps)
        call = ModelCall(request, journal, deps, message_id=identity, step=number)
        async with aclosing(call.run()) as emissions:
            async for emission in emissions:
                yield emission
        if call.result is None:
            yield journal.commit()
            return
        labels = entering(journal.state, deps.spec, deps.tools.described)
        journal.note(StepStarted(bound_tools=tuple(callable_tools(deps)), labels=labels), step=number, at=begun_at)
        called = ModelCalled(
            message_id=identity,
            purpose="plan",
            model=call.result.model,
            tool_mode="constrained",
            text=call.result.text,
            finish_reason=call.result.finish_reason,
            usage=call.result.usage,
            duration_ms=call.result.duration_ms,
            first_token_ms=call.result.first_token_ms,
            prompt_sha256=prompt_sha256(request),
            guard="repaired" if _rejected(journal.state) else None,
            cost_micros=deps.price.cost_micros(call.result.usage),
            heard=unheard,
        )
        journal.note(called)
        journal.note(_made(call.result, journal.state, deps))
        journal.note_nearing()
        yield journal.commit()


def _wants_plan(state: RunState) -> bool:
    """There is none yet, the user said something since, the last one was not usable, or it may be made anew."""
    plan = state.plan
    # What somebody else said is told to no planner, so it asks for no other plan.
    if plan is None or any(said.label is None or not said.label.untrusted for said in state.unheard):
        return True
    if plan.problem is not None:
        return plan.rejected < _ATTEMPTS
    result = state.steps[-1].calls[0].result if plan.revising and state.steps else None
    return result is not None and result.outcome == "ok"


def _rejected(state: RunState) -> bool:
    return state.plan is not None and state.plan.problem is not None


def _made(result: ChatResult, state: RunState, deps: StepDeps) -> PlanMade:
    before = state.plan
    revision = 0 if before is None else before.revisions + (before.problem is None)
    tools = {name: usable_as_is(definition) for name, definition in callable_tools(deps).items()}
    foreign = state.message_label is not None and state.message_label.untrusted
    try:
        plan = PLAN.validate_python(read_json(result.text))
        check_plan(plan, tools, message=foreign)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        problem = f"{where or 'the object'}: {first['msg']}"
    except (PlanError, ValueError) as error:
        problem = str(error)
    else:
        return PlanMade(plan=plan.model_dump(mode="json"), revision=revision)
    return PlanMade(plan={"text": result.text[:SHOWN]}, revision=revision, problem=problem[:500])


def _go_on(journal: Journal, deps: StepDeps, plan: PlanState) -> None:
    """Begin the next step, or give the answer behind the last."""
    following = plan.next
    try:
        if following is None:
            _answer(journal, plan)
        else:
            arguments, tainted = _arguments(following, journal.state, plan)
            name = READER if isinstance(following, ReadStep) else following.tool
            _begin(journal, deps, name, arguments, index=plan.begun, tainted=tainted)
    except PlanError as error:
        _deviate(journal, deps, plan, str(error))


def _answer(journal: Journal, plan: PlanState) -> None:
    value, _ = resolve(plan.plan.reply, plan)
    text = value if isinstance(value, str) else json.dumps(value)
    label = journal.state.labels.mark(ANSWER)
    identity = message_id(journal.state.run_id, journal.state.step + 1)
    journal.note(MessageCompleted(message_id=identity, content=text[:ANSWER_LIMIT], label=label))
    journal.note(RunSucceeded(spent=journal.state.spent, usage=journal.state.usage))


def _arguments(step: CallStep | ReadStep, state: RunState, plan: PlanState) -> tuple[JsonObject, tuple[str, ...]]:
    """A step's arguments with their values, and the names of those that untrusted text has gone into."""
    if isinstance(step, ReadStep):
        return _reading(step, state, plan), ()
    resolved = {name: resolve(value, plan) for name, value in step.arguments.items()}
    values = {name: value for name, (value, _) in resolved.items()}
    return values, tuple(name for name, (_, tainted) in resolved.items() if tainted)


def _reading(step: ReadStep, state: RunState, plan: PlanState) -> JsonObject:
    kinds: dict[str, Any] = {name: {"type": kind} for name, kind in step.fields.items()}
    schema = {"type": "object", "properties": kinds, "required": list(kinds), "additionalProperties": False}
    asked: JsonObject = {"question": step.question, "schema": schema}
    if step.read == MESSAGE and step.read not in plan.results:
        return {**asked, "text": (state.user_message or "")[:32_768]}
    result = plan.results.get(step.read)
    if result is None or not result.content:
        raise PlanError(f"{step.read} gave nothing to read")
    if result.artifact_sha256 is not None:
        return {**asked, "artifact": result.artifact_sha256}
    return {**asked, "text": result.content}


def _begin(
    journal: Journal, deps: StepDeps, name: str, arguments: JsonObject, *, index: int | None, tainted: tuple[str, ...]
) -> None:
    number = journal.state.step + 1
    call = ToolCall(id=call_id(journal.state.run_id, number, 0), name=name, arguments=arguments)
    journal.note(StepStarted(bound_tools=tuple(callable_tools(deps))), step=number)
    journal.note(PlanAdvanced(index=index, call=call, tainted=tainted))


def _deviate(journal: Journal, deps: StepDeps, plan: PlanState, reason: str) -> None:
    """Ask to plan anew, once; whether a person has to agree is the proxy's affair."""
    if plan.revisions >= _REVISIONS:
        _fail(journal, FAILED_CODE, f"the plan could not go on: {reason}")
        return
    _begin(journal, deps, REVISER, {"reason": reason[:500]}, index=None, tainted=())


def _fail(journal: Journal, code: str, message: str) -> None:
    journal.note(RunFailed(code=code, message=message[:2_000], spent=journal.state.spent))
