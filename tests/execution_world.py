"""Runs executed by the worker's own use case over a real database, with a model that plays a list and no broker."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from agent_world import ListModel
from store_world import World

from hortus_agents.events import Event
from hortus_agents.loop.engine import StepEngine
from hortus_agents.models.port import ChatModel
from hortus_agents.spec import AgentSpec, MemorySpec
from hortus_agents.tools.policy import ToolPolicy
from hortus_agents.tools.port import Tool
from hortus_agents.tools.registry import ToolRegistry
from hortus_server.domain.admission import FairShare
from hortus_server.domain.records import Claim, Run
from hortus_server.ports.clock import Clock, utc_now
from hortus_server.services.choose_run import ChooseRun
from hortus_server.services.execute_run import ExecuteRun
from hortus_server.services.execution import Execution
from hortus_server.services.keep_leases import KeepLeases
from hortus_server.services.load_policies import LoadPolicies, RunPolicies
from hortus_server.services.reveal_secrets import RevealedSecrets
from hortus_server.services.run_log import RunPorts

LEASE = timedelta(seconds=30)
SPEC = AgentSpec(plugins=("echo",), tools=(), memory=MemorySpec(recall=False, remember=False))


class Apart:
    """A broker, a live channel and an observer that nobody listens to."""

    async def unfinished(self, *_: Any) -> None:
        return None

    def __getattr__(self, name: str) -> Any:
        return self._waited if name.startswith(("publish_", "wake_")) else self._told

    async def _waited(self, *_: Any, **__: Any) -> None:
        return None

    def _told(self, *_: Any, **__: Any) -> None:
        return None


@dataclass
class OneModel:
    model: ChatModel

    async def get(self, _name: str, *, affinity: str = "") -> ChatModel:
        return self.model


@dataclass
class Office:
    """Workers of one tenant's agent, with these tools as plug-ins."""

    world: World
    tools: Sequence[Tool]
    spec: AgentSpec = SPEC
    policies: dict[str, RunPolicies] = field(default_factory=dict)
    revealed: RevealedSecrets = field(default_factory=RevealedSecrets)
    clock: Clock = utc_now

    async def submit(self, content: str = "do it") -> Run:
        world = self.world
        async with world.store.transaction(world.tenant_id) as uow:
            version = await uow.agents.add_version(world.tenant_id, world.agent.id, self.spec)
        self.world = World(world.store, world.tenant, world.agent, version, await world.another_session())
        return await self.world.submit(content)

    async def work(self, run: Run, *replies: str, worker: str = "w1") -> list[Any]:
        """One worker takes the run as far as it goes; what the run's log says then."""
        policies = self.policies.setdefault(worker, LoadPolicies(self.world.store))
        execute = ExecuteRun(
            RunPorts(self.world.store, *_apart(), self.revealed),
            Execution(
                models=OneModel(ListModel(list(replies))),
                tools_for=self._tools,
                policies=policies,
                engine=StepEngine(clock=self.clock),
                draining=lambda: False,
                delta_interval=timedelta(seconds=1),
                clock=self.clock,
            ),
            KeepLeases(self.world.store, worker, lease=LEASE, heartbeat=LEASE),
            ChooseRun(FairShare(1.0), worker, LEASE),
        )
        await execute(run.id)
        return [event.payload for event in await self.log(run)]

    def _tools(self, _claim: Claim, _model: ChatModel, policy: ToolPolicy) -> ToolRegistry:
        return ToolRegistry({}, plugins={tool.definition.spec.name: tool for tool in self.tools}, policy=policy)

    async def log(self, run: Run) -> list[Event]:
        async with self.world.store.transaction(run.tenant_id) as uow:
            found = await uow.events.list_after(run.tenant_id, run.session_id, after=0, limit=1000, run_id=run.id)
        return list(found)


def _apart() -> tuple[Any, Any, Any]:
    return Apart(), Apart(), Apart()


def use(tool: str, **arguments: Any) -> str:
    """A model's wish to call a tool."""
    return json.dumps({"tool": tool, "arguments": arguments})


def answer(text: str = "done") -> str:
    """A model's last word."""
    return json.dumps({"answer": text})


def said(payloads: Sequence[Any], type_: str) -> list[Any]:
    return [payload for payload in payloads if payload.type == type_]
