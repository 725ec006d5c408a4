"""Which tools a run gets, in which order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from hortus_agents.sandbox.contract import Sandbox
from hortus_agents.spec import AgentSpec, BuiltinTool
from hortus_agents.tools.builtin.revise_plan import RevisePlanTool
from hortus_agents.tools.capability import Capability, CapabilityLibrary, ScoredCapability
from hortus_agents.tools.evolved import EvolvedTool
from hortus_agents.tools.policy import ToolPolicy
from hortus_agents.tools.port import Tool
from hortus_agents.tools.proxy import StoreArtifact, ToolProxy
from hortus_agents.tools.secrets import SecretSource


@dataclass(frozen=True, slots=True)
class EvolvedTools:
    """The library and the jail that its tools run in; without both no evolved tool is bound."""

    library: CapabilityLibrary
    sandbox: Sandbox


@dataclass(frozen=True, slots=True)
class Binding:
    """A bound tool set; `evolved` are its library tools in the order of binding."""

    proxy: ToolProxy
    evolved: tuple[Capability, ...]


class ToolRegistry:
    """Builds tool sets in a fixed order, so that prompts share their prefix.

    Built-ins come as the agent's definition lists them, then its plug-ins, then evolved tools as the session got them.
    """

    def __init__(
        self,
        builtins: Mapping[BuiltinTool, Tool],
        *,
        plugins: Mapping[str, Tool] | None = None,
        evolved: EvolvedTools | None = None,
        policy: ToolPolicy | None = None,
        store_artifact: StoreArtifact | None = None,
        secrets: SecretSource | None = None,
    ) -> None:
        self._builtins = builtins
        self._plugins = plugins or {}
        self._evolved = evolved
        self._policy = policy
        self._store_artifact = store_artifact
        self._secrets = secrets

    async def retrieve(self, spec: AgentSpec, *, tenant_id: UUID, task: str) -> list[ScoredCapability]:
        """Library tools that are related to a task, best first, at most `bind_limit`."""
        limit = spec.evolution.bind_limit
        if self._evolved is None or not spec.evolution.reuse or not limit or not task.strip():
            return []
        hits = await self._evolved.library.find(tenant_id, task, limit)
        return [hit for hit in hits if hit.confident][:limit]

    async def bind(self, spec: AgentSpec, *, tenant_id: UUID, versions: Sequence[UUID]) -> Binding:
        """The tools of a step; versions that are no longer active are left out."""
        tools = [self._builtins[name] for name in self._builtin_names(spec)]
        tools += [self._plugins[name] for name in dict.fromkeys(spec.plugins) if name in self._plugins]
        if spec.strategy == "plan_execute":
            tools.append(RevisePlanTool())
        taken = {tool.definition.spec.name for tool in tools}
        capabilities: list[Capability] = []
        for version_id in versions if self._evolved else ():
            capability = await self._evolved.library.get(tenant_id, version_id) if self._evolved else None
            if capability is not None and capability.name not in taken:
                taken.add(capability.name)
                capabilities.append(capability)
        if self._evolved is not None:
            tools += [
                EvolvedTool(capability, sandbox=self._evolved.sandbox, library=self._evolved.library)
                for capability in capabilities
            ]
        proxy = ToolProxy(tools, policy=self._policy, store_artifact=self._store_artifact, secrets=self._secrets)
        return Binding(proxy, tuple(capabilities))

    def _builtin_names(self, spec: AgentSpec) -> list[BuiltinTool]:
        names = dict.fromkeys(spec.tools)
        if not spec.evolution.create:
            names.pop("request_capability", None)
        if spec.strategy == "plan_execute":
            names["read_untrusted"] = None
        return [name for name in names if name in self._builtins]
