"""A call had begun and nobody knows how it ended: its tool's declared policy decides, or a person."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from hortus_agents.events import ToolInDoubt
from hortus_agents.loop import parking
from hortus_agents.loop.call_record import CallRecord
from hortus_agents.loop.calling import (
    admit,
    context_of,
    effect_of,
    note_called,
    note_decided,
    note_finished,
)
from hortus_agents.loop.journal import Journal
from hortus_agents.loop.nested import call
from hortus_agents.loop.step import Commit, StepDeps
from hortus_agents.tools.port import InDoubtPolicy
from hortus_agents.tools.proxy import Admitted, NeedsPerson, Observation

_UNKNOWN_EFFECT = "the worker died during this call: its effect is unknown and it was not repeated"
_NOT_APPROVED = "it is not what was approved, or more persons have to approve it"
_RUNS_AGAIN = "the worker died during this call and it may not run again: {}"


async def settle(record: CallRecord, journal: Journal, deps: StepDeps) -> AsyncGenerator[Commit, None]:
    """Go on with a call in doubt: run it again, take what is known of it, or park until a person has decided.

    Nothing is repeated silently: but for tools that declare it harmless, another attempt is in the log before it runs.
    """
    policy = _policy(record, deps)
    if not record.doubted:
        journal.note(ToolInDoubt(call_id=record.call.id, name=record.call.name, policy=policy))
    settling = _by_person if record.word is not None and record.word.kind == "doubt" else _BY_POLICY[policy]
    async with aclosing(settling(record, journal, deps)) as commits:
        async for commit in commits:
            yield commit


def _policy(record: CallRecord, deps: StepDeps) -> InDoubtPolicy:
    definition = deps.tools.definition(record.call.name)
    return "ask" if definition is None else definition.in_doubt


async def _rerun(record: CallRecord, journal: Journal, deps: StepDeps) -> AsyncGenerator[Commit, None]:
    """The same call under the same id; the tool sees that it is in doubt."""
    admitted = admit(record, journal.state, deps)
    if not isinstance(admitted, Admitted):
        _note_refused(record, admitted, journal)
        yield journal.commit()
        note_finished(record, Observation("failed", _UNKNOWN_EFFECT), journal)
        return
    yield journal.commit(effect=effect_of(record, deps), terms=admitted.terms.again())
    note_finished(record, await call(admitted, journal, deps, in_doubt=True), journal)


async def _probe(record: CallRecord, journal: Journal, deps: StepDeps) -> AsyncGenerator[Commit, None]:
    """Ask the tool whether the call took effect; where it cannot tell, ask a person."""
    yield journal.commit()
    admitted = admit(record, journal.state, deps)
    if not isinstance(admitted, Admitted):
        note_finished(record, Observation("failed", _UNKNOWN_EFFECT), journal)
        return
    context = context_of(admitted, journal, deps, in_doubt=True)
    probed = await deps.tools.probe(admitted, context, timeout_s=max(journal.wall_left_s(), 0.0))
    if probed.effect == "happened" and probed.output is not None:
        note_finished(record, await deps.tools.bounded(admitted, probed.output, context.labels), journal)
    elif probed.effect == "did_not_happen":
        async with aclosing(_again(record, journal, deps)) as commits:
            async for commit in commits:
                yield commit
    else:
        parking.ask_about_doubt(journal, record, deps)
        yield journal.commit()


async def _ask(record: CallRecord, journal: Journal, deps: StepDeps) -> AsyncGenerator[Commit, None]:
    parking.ask_about_doubt(journal, record, deps)
    yield journal.commit()


async def _by_person(record: CallRecord, journal: Journal, deps: StepDeps) -> AsyncGenerator[Commit, None]:
    """Do what a person has said."""
    word = record.word
    if word is None or word.outcome == "pending":
        if word is not None:
            parking.park_again(journal, word)
        yield journal.commit()
    elif word.outcome == "approved":
        async with aclosing(_again(record, journal, deps)) as commits:
            async for commit in commits:
                yield commit
    else:
        note_finished(record, parking.settled_doubt(word), journal)


async def _again(record: CallRecord, journal: Journal, deps: StepDeps) -> AsyncGenerator[Commit, None]:
    """Another attempt, which the log tells of before it runs."""
    admitted = admit(record, journal.state, deps)
    if not isinstance(admitted, Admitted):
        _note_refused(record, admitted, journal)
        why = admitted.content if isinstance(admitted, Observation) else _NOT_APPROVED
        note_finished(record, Observation("failed", _RUNS_AGAIN.format(why)), journal)
        return
    note_called(record, journal, deps)
    yield journal.commit(effect=effect_of(record, deps), terms=admitted.terms.again())
    note_finished(record, await call(admitted, journal, deps, in_doubt=True), journal)


def _note_refused(record: CallRecord, refused: NeedsPerson | Observation, journal: Journal) -> None:
    if isinstance(refused, Observation):
        note_decided(record, refused, journal)


_BY_POLICY = {"rerun": _rerun, "probe": _probe, "ask": _ask}
