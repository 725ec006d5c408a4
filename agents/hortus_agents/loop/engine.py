"""Drives steps: consults memory and library once, binds the tools, hands over to the strategy."""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from hortus_agents.events import CapabilityReused, EventPayload, MemoryRecalled
from hortus_agents.limits import FREE, DayLeft, RunLimits, TokenPrice
from hortus_agents.loop import STRATEGIES
from hortus_agents.loop.retry import RetryRules
from hortus_agents.loop.state import RunState, apply
from hortus_agents.loop.step import Draft, Emission, Emit, RunScope, StepDeps
from hortus_agents.models.port import ChatModel
from hortus_agents.spec import AgentSpec
from hortus_agents.tools.memory import AgentMemory, MemoryScope
from hortus_agents.tools.registry import ToolRegistry

_log = logging.getLogger(__name__)
_OPENING_TIMEOUT_S = 15.0


@dataclass(frozen=True, slots=True)
class RunSetup:
    """What stays the same through a run, but for what its `day` has left. `registry` holds tools for `model`."""

    scope: RunScope
    spec: AgentSpec
    limits: RunLimits
    model: ChatModel
    registry: ToolRegistry
    price: TokenPrice = FREE
    day: DayLeft = field(default_factory=DayLeft)


@dataclass(frozen=True, slots=True)
class StepEngine:
    """One per process, shared by all runs; holds no state of any.

    An unreachable memory or library never stops a run: it goes on without, and the log says so.
    """

    memory: AgentMemory | None = None
    retries: RetryRules = field(default_factory=RetryRules)
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    jitter: Callable[[], float] = random.random
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def step(
        self, state: RunState, setup: RunSetup, emit: Emit, *, draft: Draft | None = None
    ) -> AsyncGenerator[Emission, None]:
        """The next step of a run; see Strategy.

        Drive it under `contextlib.aclosing` until `RunState.finished` or `parked`. `draft` is what is left of the
        answer that the worker before was writing.
        """
        opening = () if state.opened else await self._open(state, setup)
        folded = state
        for payload in opening:
            folded = apply(folded, payload, step=0, at=self.clock())
        binding = await setup.registry.bind(
            setup.spec, tenant_id=setup.scope.tenant_id, versions=_versions(folded, setup.spec)
        )
        deps = StepDeps(
            scope=setup.scope,
            model=setup.model,
            tools=binding.proxy,
            spec=setup.spec,
            limits=setup.limits,
            clock=self.clock,
            emit=emit,
            jitter=self.jitter,
            opening=opening,
            draft=draft,
            price=setup.price,
            day=setup.day,
            retries=self.retries,
            pause=self.pause,
        )
        async with aclosing(STRATEGIES[setup.spec.strategy].step(state, deps)) as emissions:
            async for emission in emissions:
                yield emission

    async def _open(self, state: RunState, setup: RunSetup) -> tuple[EventPayload, ...]:
        task = state.user_message or ""
        recalled = await self._recall(task, setup)
        reused = await self._retrieve(task, setup)
        return (*recalled, *reused)

    async def _recall(self, task: str, setup: RunSetup) -> tuple[MemoryRecalled, ...]:
        memory = setup.spec.memory
        planned = setup.spec.strategy == "plan_execute"  # a planner reads the user's own words and nothing else
        if planned or self.memory is None or not memory.recall or not memory.recall_limit or not task.strip():
            return ()
        scope = MemoryScope(
            tenant_id=setup.scope.tenant_id,
            session_id=setup.scope.session_id,
            run_id=setup.scope.run_id,
            agent_id=setup.scope.agent_id,
            visibility=memory.visibility,
        )
        try:
            async with asyncio.timeout(_OPENING_TIMEOUT_S):
                return (await self.memory.recall(task, scope=scope, limit=memory.recall_limit),)
        except TimeoutError:
            return (MemoryRecalled(query=task, items=(), low_confidence=True, unavailable=True),)

    async def _retrieve(self, task: str, setup: RunSetup) -> tuple[CapabilityReused, ...]:
        try:
            async with asyncio.timeout(_OPENING_TIMEOUT_S):
                hits = await setup.registry.retrieve(setup.spec, tenant_id=setup.scope.tenant_id, task=task)
        except TimeoutError:
            _log.warning("the capability library did not answer within %s s", _OPENING_TIMEOUT_S)
            return ()
        return tuple(
            CapabilityReused(
                name=hit.capability.name,
                tool_id=hit.capability.tool_id,
                tool_version_id=hit.capability.version_id,
                version=hit.capability.version,
                score=hit.score,
                label=hit.capability.label,
            )
            for hit in hits
        )


def _versions(state: RunState, spec: AgentSpec) -> list[UUID]:
    """Evolved tools to bind: this run's own, and the latest of the session's earlier runs."""
    own = [bound for bound in state.capabilities if bound.own]
    earlier = [bound for bound in state.capabilities if not bound.own]
    kept = earlier[-spec.evolution.bind_limit :] if spec.evolution.reuse and spec.evolution.bind_limit else []
    return [bound.version_id for bound in (*kept, *own)]
