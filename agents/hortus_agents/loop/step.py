"""The contract between a strategy and whoever drives it."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from hortus_agents.events import EventPayload, NewEvent
from hortus_agents.limits import FREE, DayLeft, RunLimits, TokenPrice
from hortus_agents.loop.retry import RetryRules
from hortus_agents.loop.state import RunState
from hortus_agents.models.port import ChatModel
from hortus_agents.spec import AgentSpec
from hortus_agents.tools.proxy import Terms, ToolProxy


class Emit(Protocol):
    """Commits events to the session's log, durably, before it returns; `effect` and `terms` as of a Commit."""

    async def __call__(
        self, events: Sequence[NewEvent], *, effect: int | None = None, terms: Terms | None = None
    ) -> None:
        """Raises what the consumer's commit raises: the step cannot go on then."""
        ...


@dataclass(frozen=True, slots=True)
class Commit:
    """Events that the consumer commits durably before it asks for the next emission.

    With `effect` the last of them is the `tool.called` of a call with that side-effect class, which runs next: where
    side effects may not happen now, the consumer commits what stands before it and drives the step no further. The
    same holds where `terms`, on which the call was let through, do not hold any more.
    """

    events: tuple[NewEvent, ...]
    effect: int | None = None
    terms: Terms | None = None


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of an answer, live only; `index` is its offset in characters within the message.

    `raw` is what the model wrote for it, where that is not the text itself: under a JSON schema only the answer is
    shown.
    """

    message_id: UUID
    index: int
    text: str
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer that another worker could not finish: what readers saw of it, and what its model wrote for that."""

    message_id: UUID
    text: str
    raw: str


Emission = Commit | Delta


@dataclass(frozen=True, slots=True)
class RunScope:
    """Whose run it is."""

    tenant_id: UUID
    session_id: UUID
    run_id: UUID
    agent_id: UUID


@dataclass(frozen=True, slots=True)
class StepDeps:
    """Everything that a step needs besides the state.

    `emit` is for events that tools give out while they run. `opening` are payloads that belong before the run's first
    step (what memory and library gave); they travel with its first commit. `clock` returns aware UTC; `jitter` a
    number in [0, 1). `draft` is what there is of the message that this step may go on with, `day` what the tenant's day
    has left by now.
    """

    scope: RunScope
    model: ChatModel
    tools: ToolProxy
    spec: AgentSpec
    limits: RunLimits
    clock: Callable[[], datetime]
    emit: Emit
    jitter: Callable[[], float]
    opening: tuple[EventPayload, ...] = ()
    draft: Draft | None = None
    price: TokenPrice = FREE
    day: DayLeft = field(default_factory=DayLeft)
    retries: RetryRules = field(default_factory=RetryRules)
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep


class Strategy(Protocol):
    """One way to run an agent; stateless, shared by all runs."""

    def step(self, state: RunState, deps: StepDeps) -> AsyncGenerator[Emission, None]:
        """Do the next thing: finish the calls that are pending, or one model call with its tool calls.

        Ends after one step; the driver folds what was committed and calls again until `RunState.finished`. Model and
        tool failures become events; an exception is a bug or the driver's own. Closing the generator closes the
        request to the model: drive it under `contextlib.aclosing`.
        """
        ...
