"""What a step has done so far: the state folded on, and events that wait for their commit."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from hortus_agents.events import BudgetWarned, EventPayload, ModelCalled, NewEvent, RunBudgetExhausted
from hortus_agents.limits import LimitName
from hortus_agents.loop.labelling import ANSWER
from hortus_agents.loop.state import RunState, apply
from hortus_agents.loop.step import Commit, StepDeps
from hortus_agents.messages import Usage
from hortus_agents.tools.proxy import Terms


class Journal:
    """Folds each event as it is noted, so that later parts of a step see what a fresh fold of the log would show."""

    def __init__(self, state: RunState, deps: StepDeps) -> None:
        self.state = state
        self._deps = deps
        self._waiting: list[NewEvent] = []
        if not state.opened:
            for payload in deps.opening:
                self.note(payload, step=0)

    def note(self, payload: EventPayload, *, step: int | None = None, at: datetime | None = None) -> None:
        """Add an event to the next commit; `step` defaults to the current one, `at` to now."""
        at = at or self._deps.clock()
        step = self.state.step if step is None else step
        self._waiting.append(NewEvent(step=step, payload=payload, at=at))
        self.state = apply(self.state, payload, step=step, at=at)

    def commit(self, *, effect: int | None = None, terms: Terms | None = None) -> Commit:
        """Everything noted since the last commit; see Commit for `effect` and `terms`."""
        events = tuple(self._waiting)
        self._waiting.clear()
        return Commit(events, effect, terms)

    async def emit(self, payloads: Sequence[EventPayload], *, prior: Sequence[EventPayload] = ()) -> None:
        """Commit a tool's own events at once; those that it had emitted before a crash are there already."""
        fresh = [self._priced(payload) for payload in payloads if payload not in prior]
        if not fresh:
            return
        at = self._deps.clock()
        step = self.state.step
        await self._deps.emit([NewEvent(step=step, payload=payload, at=at) for payload in fresh])
        for payload in fresh:
            self.state = apply(self.state, payload, step=step, at=at)

    def _priced(self, payload: EventPayload) -> EventPayload:
        """Tools do not know prices; what their model calls cost counts all the same."""
        if not isinstance(payload, ModelCalled) or payload.cost_micros:
            return payload
        return payload.model_copy(update={"cost_micros": self._deps.price.cost_micros(payload.usage)})

    def now(self) -> datetime:
        """The time of what is noted now."""
        return self._deps.clock()

    def wall_left_s(self) -> float:
        """Seconds until the run's wall limit."""
        now = self._deps.clock()
        elapsed: timedelta = now - (self.state.started_at or now)
        return self._deps.limits.wall_s - elapsed.total_seconds()

    def exhausted(self) -> LimitName | None:
        """The limit at which no further model call may start."""
        if self.wall_left_s() <= 0:
            return "wall_s"
        spent = self.state.spent
        return spent.exhausted(self._deps.limits) or self._deps.day.exhausted(spent)

    def note_nearing(self) -> None:
        """Tell of limits that are nearly used up, each once in a run."""
        elapsed_s = self._deps.limits.wall_s - self.wall_left_s()
        for limit, used, bound in self.state.spent.nearing(self._deps.limits, elapsed_s=elapsed_s):
            if limit not in self.state.warned:
                self.note(BudgetWarned(limit=limit, used=used, bound=bound))

    def note_exhausted(self, limit: LimitName, *, partial: str = "", unbilled: Usage | None = None) -> None:
        """End the run at a limit, keeping what was written; `unbilled` is the estimate of a call that was cut off.

        A message that is complete is in the log already, and no partial output besides.
        """
        spent = self.state.spent
        if unbilled is not None:
            spent = spent.model_copy(
                update={
                    "model_calls": spent.model_calls + 1,
                    "tokens": spent.tokens + unbilled.total_tokens,
                    "cost_micros": spent.cost_micros + self._deps.price.cost_micros(unbilled),
                }
            )
        texts = (step.answer or step.text for step in reversed(self.state.steps) if not step.calls)
        last = next((text for text in texts if text), "")
        kept = partial or ("" if last == self.state.output else last)
        label = self.state.labels.mark(ANSWER)
        self.note(RunBudgetExhausted(limit=limit, spent=spent, partial_output=kept, label=label))


def message_id(run_id: UUID, step: int) -> UUID:
    """The id of a step's message. Derived, so that a worker that takes over can restart the message of the other."""
    return uuid5(run_id, f"message/{step}")


def call_id(run_id: UUID, step: int, index: int) -> str:
    """The id of a step's tool call: unique in its session, the same whoever computes it."""
    return f"{run_id.hex[-8:]}-{step}-{index}"
