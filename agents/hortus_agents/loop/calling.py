"""One tool call: through the proxy, under the run's limits, into the log."""

from collections.abc import Sequence

from hortus_agents.errors import ToolFailedError
from hortus_agents.events import EventPayload, ModelCalled, PolicyDecided, PolicyEffect, ToolCalled, ToolFinished
from hortus_agents.labels import SERVER, USER, Label
from hortus_agents.loop.call_record import CallRecord
from hortus_agents.loop.journal import Journal
from hortus_agents.loop.marking import labels_for
from hortus_agents.loop.state import RunState
from hortus_agents.loop.step import StepDeps
from hortus_agents.tools.identity import call_sha256, tool_version
from hortus_agents.tools.policy import Allow, Approve, Deny, Verdict
from hortus_agents.tools.port import SideEffect, ToolContext, ToolDefinition
from hortus_agents.tools.proxy import Admitted, NeedsPerson, Observation, Terms


def admit(
    record: CallRecord, state: RunState, deps: StepDeps, *, calls_left: int | None = None
) -> Admitted | NeedsPerson | Observation:
    """Ask the proxy, with what the run has read and persons have approved; `calls_left` where it is a new call."""
    approved = None if record.grant is None else record.grant.call_sha256
    labels = labels_for(state, deps.spec, call_id=record.call.id, described=deps.tools.described)
    admitted = deps.tools.admit(record.call, deps.spec, labels=labels, approved=approved, calls_left=calls_left)
    match admitted:
        # Fewer persons let the call through than a policy wants by now.
        case Admitted(terms=Terms(verdict=Approve() as wanted)) if (
            record.grant and record.grant.persons < wanted.persons
        ):
            return NeedsPerson(record.call, admitted.definition, wanted, record.grant.call_sha256)
        case _:
            return admitted


def note_decided(record: CallRecord, admitted: Admitted | NeedsPerson | Observation, journal: Journal) -> None:
    """Which rule decided, for whatever a rule refuses or leaves to persons, and for what it lets reach outside."""
    match admitted:
        case Admitted(terms=Terms(verdict=Allow() as verdict), definition=definition):
            if definition.side_effect >= SideEffect.EXTERNAL:
                journal.note(_decided(record, definition, verdict))
        case NeedsPerson(definition=definition, verdict=verdict):
            if record.word is None or record.word.outcome == "approved":
                journal.note(_decided(record, definition, verdict))
        case Observation(verdict=Deny() as verdict, definition=ToolDefinition() as definition):
            journal.note(_decided(record, definition, verdict))
        case _:
            pass


_EFFECTS: dict[type, PolicyEffect] = {Allow: "allow", Deny: "deny", Approve: "approve"}


def _decided(record: CallRecord, definition: ToolDefinition, verdict: Verdict) -> PolicyDecided:
    return PolicyDecided(
        call_id=record.call.id,
        name=record.call.name,
        side_effect=int(definition.side_effect),
        effect=_EFFECTS[type(verdict)],
        rule=verdict.rule,
        policy=verdict.policy.name,
        policy_id=verdict.policy.id,
        policy_version=verdict.policy.version,
        reason=verdict.reason,
        persons=verdict.persons if isinstance(verdict, Approve) else None,
    )


def effect_of(record: CallRecord, deps: StepDeps) -> int:
    """How far the call reaches."""
    definition = deps.tools.definition(record.call.name)
    return 0 if definition is None else int(definition.side_effect)


def note_called(record: CallRecord, journal: Journal, deps: StepDeps, *, runs: bool = True) -> None:
    """It is about to run. An approval is named where it is used up, which is once."""
    definition = deps.tools.definition(record.call.name)
    uses = record.grant if runs and definition is not None and record.grant and not record.grant.used else None
    identity = call_sha256(record.call, tool_version(definition)) if uses and definition else None
    labels = labels_for(journal.state, deps.spec, call_id=record.call.id)
    journal.note(
        ToolCalled(
            call_id=record.call.id,
            name=record.call.name,
            tool_version_id=definition.version_id if definition else None,
            arguments=record.call.arguments,
            side_effect=int(definition.side_effect) if definition else None,
            untrusted=bool(labels.untrusted),
            sensitive=bool(labels.sensitive),
            attempt=record.attempt + 1,
            approval_id=uses.approval_id if uses else None,
            call_sha256=identity,
        )
    )


def note_finished(record: CallRecord, observation: Observation, journal: Journal) -> None:
    """What it came to."""
    journal.note(
        ToolFinished(
            call_id=record.call.id,
            name=record.call.name,
            outcome=observation.outcome,
            content=observation.content,
            truncated=observation.truncated,
            artifact_sha256=observation.artifact_sha256,
            files=observation.files,
            duration_ms=observation.duration_ms,
            tier=observation.tier,
            origin=observation.origin,
            error=observation.error,
            label=_label_of(record, observation, journal.state),
        )
    )


def _label_of(record: CallRecord, observation: Observation, state: RunState) -> Label:
    """Of a result: a person's own words, or what its run makes of it."""
    if observation.origin != "user":
        return state.labels.mark(observation.label or SERVER)
    choices = record.call.arguments.get("choices")
    planned = None if state.plan is None else state.plan.planned(record.call.id)
    # Who picks one of the model's sentences answers with it, but has not said it: a text may have put it up.
    picked = isinstance(choices, list) and observation.content in choices
    return state.labels.mark(USER) if picked and (planned is None or planned.tainted) else USER


def context_of(
    admitted: Admitted,
    journal: Journal,
    deps: StepDeps,
    *,
    in_doubt: bool = False,
    lost: list[Exception] | None = None,
) -> ToolContext:
    """Who calls. What goes wrong with a commit of the tool's own events is noted in `lost`."""
    prior = journal.state.emitted

    async def emit(payloads: Sequence[EventPayload]) -> None:
        try:
            await journal.emit(payloads, prior=prior)
        except Exception as error:
            if lost is not None:
                lost.append(error)
            raise
        limit = journal.exhausted() if any(isinstance(payload, ModelCalled) for payload in payloads) else None
        if limit not in {None, "steps", "tool_calls"}:
            raise ToolFailedError(f"stopped: the run's limit of {limit} is reached")

    return ToolContext(
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
        in_doubt=in_doubt,
        labels=labels_for(journal.state, deps.spec),
    )
