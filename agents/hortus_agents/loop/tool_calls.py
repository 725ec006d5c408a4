"""The tool calls of a step: each recorded before it runs, and never run twice unless its policy says so."""

from collections.abc import AsyncGenerator, Sequence

from hortus_agents.errors import ToolFailedError
from hortus_agents.events import EventPayload, ModelCalled, ToolCalled, ToolFinished, ToolInDoubt
from hortus_agents.loop.breaker import detect_loop
from hortus_agents.loop.call_record import CallRecord
from hortus_agents.loop.interpret import is_duplicate
from hortus_agents.loop.journal import Journal
from hortus_agents.loop.step import Commit, StepDeps
from hortus_agents.messages import ToolCall
from hortus_agents.tools.port import InDoubtPolicy, ToolContext
from hortus_agents.tools.proxy import Admitted, Observation

_REPEATED = "this exact call was made before; its result is above. Answer with what you have."
_NO_CALLS_LEFT = "the run's limit of tool calls is reached"
_UNKNOWN_EFFECT = "the worker died during this call: its effect is unknown and it was not repeated"


async def run_pending(journal: Journal, deps: StepDeps) -> AsyncGenerator[Commit, None]:
    """Finish every pending call in order; ends with a commit that holds the last result."""
    for record in journal.state.pending:
        if record.called:
            _note_doubt(record, journal, deps)
            yield journal.commit(effect=_effect(record.call, deps))
            await _settle_doubt(record, journal, deps)
            continue
        admitted = _admit(record.call, journal, deps)
        definition = deps.tools.definition(record.call.name)
        journal.note(
            ToolCalled(
                call_id=record.call.id,
                name=record.call.name,
                tool_version_id=definition.version_id if definition else None,
                arguments=record.call.arguments,
            )
        )
        if isinstance(admitted, Admitted):
            yield journal.commit(effect=_effect(record.call, deps))
            observation = await _run(admitted, journal, deps)
        else:
            observation = admitted
        _note_finished(record.call, observation, journal)
    looping = detect_loop(journal.state, deps.spec.loop_breaker)
    if looping is not None:
        journal.note(looping)
    yield journal.commit()


def _admit(call: ToolCall, journal: Journal, deps: StepDeps) -> Admitted | Observation:
    if is_duplicate(journal.state, call):
        return Observation("duplicate", _REPEATED)
    if journal.state.spent.tool_calls >= deps.limits.tool_calls:
        return Observation("denied", _NO_CALLS_LEFT)
    return deps.tools.admit(call, deps.spec)


def _effect(call: ToolCall, deps: StepDeps) -> int:
    """How far the call reaches."""
    definition = deps.tools.definition(call.name)
    return 0 if definition is None else int(definition.side_effect)


def _note_doubt(record: CallRecord, journal: Journal, deps: StepDeps) -> None:
    """Say once that a call is in doubt."""
    if not record.doubted:
        policy = _doubt_policy(record.call, deps)
        journal.note(ToolInDoubt(call_id=record.call.id, name=record.call.name, policy=policy))


async def _settle_doubt(record: CallRecord, journal: Journal, deps: StepDeps) -> None:
    """A call had begun and nobody knows how it ended: run it again only where the tool declares that harmless."""
    admitted = deps.tools.admit(record.call, deps.spec)
    if _doubt_policy(record.call, deps) == "rerun" and isinstance(admitted, Admitted):
        observation = await _run(admitted, journal, deps)
    else:
        observation = Observation("failed", _UNKNOWN_EFFECT)
    _note_finished(record.call, observation, journal)


def _doubt_policy(call: ToolCall, deps: StepDeps) -> InDoubtPolicy:
    definition = deps.tools.definition(call.name)
    return "ask" if definition is None else definition.in_doubt


async def _run(admitted: Admitted, journal: Journal, deps: StepDeps) -> Observation:
    prior = journal.state.emitted
    lost: list[Exception] = []

    async def emit(payloads: Sequence[EventPayload]) -> None:
        try:
            await journal.emit(payloads, prior=prior)
        except Exception as error:
            lost.append(error)
            raise
        limit = journal.exhausted() if any(isinstance(payload, ModelCalled) for payload in payloads) else None
        if limit in {"model_calls", "tokens", "wall_s"}:
            raise ToolFailedError(f"stopped: the run's limit of {limit} is reached")

    context = ToolContext(
        tenant_id=deps.scope.tenant_id,
        session_id=deps.scope.session_id,
        run_id=deps.scope.run_id,
        agent_id=deps.scope.agent_id,
        step=journal.state.step,
        call_id=admitted.call.id,
        spec=deps.spec,
        emit=emit,
        task=journal.state.user_message or "",
        prior=prior,
    )
    left_s = journal.wall_left_s()
    if left_s <= 0:
        return Observation("failed", "the run's time is up")
    observation = await deps.tools.run(admitted, context, timeout_s=left_s)
    if lost:
        raise lost[0]  # the log could not be written: that is the driver's affair, not the tool's or the model's
    return observation


def _note_finished(call: ToolCall, observation: Observation, journal: Journal) -> None:
    journal.note(
        ToolFinished(
            call_id=call.id,
            name=call.name,
            outcome=observation.outcome,
            content=observation.content,
            truncated=observation.truncated,
            artifact_sha256=observation.artifact_sha256,
            duration_ms=observation.duration_ms,
            tier=observation.tier,
        )
    )
