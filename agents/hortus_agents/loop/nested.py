"""Running a call, and the calls that its code makes from the sandbox: through the same proxy, budget and log."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hortus_agents.errors import CallHeldError, ToolFailedError
from hortus_agents.loop.call_record import CallRecord
from hortus_agents.loop.calling import context_of, note_called, note_decided, note_finished
from hortus_agents.loop.journal import Journal
from hortus_agents.loop.marking import labels_for
from hortus_agents.loop.step import StepDeps
from hortus_agents.messages import ToolCall
from hortus_agents.tools.port import ToolDefinition
from hortus_agents.tools.proxy import Admitted, NeedsPerson, Observation

# They run code, write tools, wait, or steer the run: that is the model's business, never that of what it wrote.
NEVER = frozenset({"python", "request_capability", "ask_human", "sleep", "wait_until", "revise_plan", "read_untrusted"})
_STOPPED = "stopped with the call that made it"


async def call(admitted: Admitted, journal: Journal, deps: StepDeps, *, in_doubt: bool = False) -> Observation:
    """Run it. Raises only what a commit of the tool's own events, or of calls in it, raises."""
    lost: list[Exception] = []
    nested = NestedCalls(admitted, journal, deps, lost=lost)
    # A plan foresaw its calls; code may not add to them.
    answer = nested.answer if journal.state.plan is None else None
    context = replace(context_of(admitted, journal, deps, in_doubt=in_doubt, lost=lost), call_tool=answer)
    left_s = journal.wall_left_s()
    if left_s <= 0:
        return Observation("failed", "the run's time is up")
    observation = await deps.tools.run(admitted, context, timeout_s=left_s)
    if lost:
        raise lost[0]  # the log could not be written: that is the driver's affair, not the tool's or the model's
    nested.close()
    return observation


class NestedCalls:
    """The calls of one outer call; their ids are its own with a number. `lost` takes what the log's commits raise."""

    def __init__(self, outer: Admitted, journal: Journal, deps: StepDeps, *, lost: list[Exception]) -> None:
        self._outer = outer
        self._journal = journal
        self._deps = deps
        self._lost = lost
        self._made = 0
        self._open: CallRecord | None = None

    async def answer(self, name: str, arguments: Mapping[str, Any]) -> str:
        """Make one call. Raises ToolFailedError with what the code is told, and what a commit raises."""
        self._made += 1
        call = ToolCall(id=f"{self._outer.call.id}/{self._made}", name=name, arguments=dict(arguments))
        definition = self._deps.tools.definition(name)
        if definition is not None and not _callable(definition, outer=self._outer.call.name):
            raise ToolFailedError(f"{name} may not be called from code")
        record = CallRecord(call)
        admitted = self._admit(record)
        if isinstance(admitted, NeedsPerson):
            # A run cannot wait in the midst of a program.
            admitted = Observation("denied", f"{name} needs a person's approval: call it as a tool of its own")
        observation = await self._run(record, admitted)
        if observation.outcome != "ok":
            raise ToolFailedError(observation.content)
        return observation.content

    def close(self) -> None:
        """Note the end of a call that was cut off with the outer one."""
        if self._open is not None:
            note_finished(self._open, Observation("failed", _STOPPED), self._journal)
            self._open = None

    def _admit(self, record: CallRecord) -> Admitted | NeedsPerson | Observation:
        state, deps = self._journal.state, self._deps
        admitted = deps.tools.admit(
            record.call,
            deps.spec,
            labels=labels_for(state, deps.spec),
            calls_left=deps.limits.tool_calls - state.spent.tool_calls,
        )
        note_decided(record, admitted, self._journal)
        return admitted

    async def _run(self, record: CallRecord, admitted: Admitted | Observation) -> Observation:
        journal, deps = self._journal, self._deps
        note_called(record, journal, deps, runs=False)
        if isinstance(admitted, Observation):
            return await self._refuse(record, admitted)
        try:
            await self._commit(admitted)
        except CallHeldError as held:
            if held.stale:
                raise
            # The rule's denial stands in the log in the call's place.
            note_called(record, journal, deps, runs=False)
            return await self._refuse(record, Observation("denied", held.reason, error="forbidden"))
        self._open = record
        context = replace(context_of(admitted, journal, deps, lost=self._lost), secrets=self._outer.definition.secrets)
        observation = await deps.tools.run(admitted, context, timeout_s=max(journal.wall_left_s(), 0.0))
        self._open = None
        note_finished(record, observation, journal)
        await self._commit()
        return observation

    async def _refuse(self, record: CallRecord, observation: Observation) -> Observation:
        note_finished(record, observation, self._journal)
        await self._commit()
        return observation

    async def _commit(self, admitted: Admitted | None = None) -> None:
        effect = None if admitted is None else int(admitted.definition.side_effect)
        terms = None if admitted is None else admitted.terms
        try:
            await self._deps.emit(self._journal.commit().events, effect=effect, terms=terms)
        except Exception as error:
            if not isinstance(error, CallHeldError) or error.stale:
                self._lost.append(error)
            raise


def _callable(definition: ToolDefinition, *, outer: str) -> bool:
    """Calls that are made again after a crash without asking anybody, and that decide nothing about the run."""
    name = definition.spec.name
    return name not in NEVER and name != outer and definition.in_doubt == "rerun" and not definition.steers
