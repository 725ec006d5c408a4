"""The tool calls of a step: each recorded before it runs, and never run twice unless its policy says so."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from hortus_agents.loop import parking
from hortus_agents.loop.breaker import detect_loop
from hortus_agents.loop.call_record import CallRecord
from hortus_agents.loop.calling import admit, effect_of, note_called, note_decided, note_finished
from hortus_agents.loop.doubt import settle
from hortus_agents.loop.interpret import is_duplicate
from hortus_agents.loop.journal import Journal
from hortus_agents.loop.nested import call
from hortus_agents.loop.step import Commit, Emission, StepDeps
from hortus_agents.tools.port import AskPerson, AskTimer
from hortus_agents.tools.proxy import Admitted, NeedsPerson, Observation

_REPEATED = "this exact call was made before; its result is above. Answer with what you have."
_VOID = "the tool changed after a person had approved this call, so it was not made"


async def decide_and_call(
    journal: Journal, deps: StepDeps, decide: Callable[[Journal, StepDeps], AsyncGenerator[Emission, None]]
) -> AsyncGenerator[Emission, None]:
    """One step of any strategy: `decide` what to do unless calls are pending already, then make the calls."""
    if journal.state.finished:
        return
    if not journal.state.pending:
        async with aclosing(decide(journal, deps)) as emissions:
            async for emission in emissions:
                yield emission
    if journal.state.pending:
        async with aclosing(run_pending(journal, deps)) as commits:
            async for commit in commits:
                yield commit


async def run_pending(journal: Journal, deps: StepDeps) -> AsyncGenerator[Commit, None]:
    """Finish every pending call in order; ends with a commit that holds the last result, or that parks the run."""
    for record in journal.state.pending:
        going_on = settle if record.called else _begin
        async with aclosing(going_on(record, journal, deps)) as commits:
            async for commit in commits:
                yield commit
        if journal.state.parked:
            return
    looping = detect_loop(journal.state, deps.spec.loop_breaker)
    if looping is not None:
        journal.note(looping)
    yield journal.commit()


async def _begin(record: CallRecord, journal: Journal, deps: StepDeps) -> AsyncGenerator[Commit, None]:
    """A call that has not run: make it, refuse it, or park until it may be made."""
    admitted = _admit(record, journal, deps)
    if not isinstance(admitted, Admitted):
        note_decided(record, admitted, journal)
    match admitted:
        case NeedsPerson():
            settled: Admitted | Observation | None = _by_person(record, journal, admitted)
        case Admitted():
            settled = _after_wait(record, journal, deps, admitted)
        case Observation():
            settled = admitted
    match settled:
        case None:
            yield journal.commit()
        case Observation():
            note_called(record, journal, deps, runs=isinstance(admitted, Admitted))
            note_finished(record, settled, journal)
        case Admitted():
            note_decided(record, settled, journal)
            note_called(record, journal, deps)
            yield journal.commit(effect=effect_of(record, deps), terms=settled.terms)
            note_finished(record, await call(settled, journal, deps), journal)


def _admit(record: CallRecord, journal: Journal, deps: StepDeps) -> Admitted | NeedsPerson | Observation:
    if journal.state.plan is None and is_duplicate(journal.state, record.call):  # a plan is bounded by itself
        return Observation("duplicate", _REPEATED)
    if record.refused is not None:
        return Observation("denied", record.refused, error="forbidden")
    return admit(record, journal.state, deps, calls_left=deps.limits.tool_calls - journal.state.spent.tool_calls)


def _by_person(record: CallRecord, journal: Journal, needs: NeedsPerson) -> Observation | None:
    """A call that nobody has approved as it is; None once the run is parked."""
    word = record.word
    if record.grant is not None and record.grant.call_sha256 != needs.call_sha256:
        return Observation("denied", _VOID)
    if word is None or word.outcome == "approved":  # by fewer persons than a policy wants by now
        parking.ask_approval(journal, record, needs.definition, needs.verdict)
        return None
    if word.outcome == "pending":
        parking.park_again(journal, word)
        return None
    return parking.refusal(word)


def _after_wait(
    record: CallRecord, journal: Journal, deps: StepDeps, admitted: Admitted
) -> Admitted | Observation | None:
    """A call that may be made, once what it waits for is there; None once the run is parked."""
    word = record.word
    if word is not None and word.kind == "call" and word.outcome not in {"pending", "approved"}:
        return parking.refusal(word)  # a person's no stands, though no rule asks for one any more
    if word is not None and word.kind == "call" and word.outcome == "pending":
        parking.park_again(journal, word)
        return None
    if word is not None and word.kind == "question":
        if word.outcome != "pending":
            return parking.answer(word)
        parking.park_again(journal, word)
        return None
    if record.waited:
        return admitted
    now = journal.now()
    waits = AskTimer(record.due_at) if record.due_at is not None else deps.tools.wait(admitted, now=now)
    match waits:
        case AskPerson():
            parking.ask_question(journal, record, deps, waits)
            return None
        case AskTimer() if waits.due_at > now:
            parking.set_timer(journal, record, waits.due_at)
            return None
        case Observation():
            return waits
        case _:
            return admitted
