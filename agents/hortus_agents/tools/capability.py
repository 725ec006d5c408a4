"""Evolved tools as the loop sees them: exact versions of tested functions, found in a library."""

from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from pydantic import Field

from hortus_agents.labels import UNKNOWN, Label
from hortus_agents.messages import Frozen, JsonObject, ToolSpec
from hortus_agents.tools.port import InDoubtPolicy

MAX_DECLARED = 16


class ToolPermissions(Frozen):
    """What a self-made tool declares that it needs; nothing by default.

    The code itself never gets any of it: the sandbox has no network and no secret. It asks for granted tools over the
    sandbox's pipe, and the proxy judges each call.
    """

    network: tuple[str, ...] = Field(
        default=(), max_length=MAX_DECLARED, description="hosts that its calls of http_get may name"
    )
    secrets: tuple[str, ...] = Field(
        default=(), max_length=MAX_DECLARED, description="secrets, by name, that its calls of tools may refer to"
    )
    writes: tuple[str, ...] = Field(default=(), max_length=MAX_DECLARED, description="files that it gives back")
    tools: tuple[str, ...] = Field(
        default=(), max_length=MAX_DECLARED, description="tools that it calls, as far as its agent has them"
    )

    @property
    def declared(self) -> tuple[str, ...]:
        """Which kinds it declares; empty for a pure function."""
        kinds = {"network": self.network, "secrets": self.secrets, "writes": self.writes, "tools": self.tools}
        return tuple(kind for kind, names in kinds.items() if names)

    @property
    def described(self) -> str:
        """The same for people, by name: `network (api.example.org), tools (http_get)`; empty for a pure function."""
        return ", ".join(f"{kind} ({', '.join(getattr(self, kind))})" for kind in self.declared)


NO_PERMISSIONS = ToolPermissions()


@dataclass(frozen=True, slots=True)
class Capability:
    """One version of an evolved tool.

    `parameters` is a JSON schema of type object, `returns` the schema of the result, `function` the name that
    `source` defines. `tests` are the rows that were checked: {"arguments", "expected", "got", "verdict", ...}.
    `in_doubt` says what happens to its interrupted calls, `permissions` what it declares beyond computing, `label`
    what the run had read that wrote it, description and all.
    """

    tool_id: UUID
    version_id: UUID
    version: int
    name: str
    description: str
    parameters: JsonObject
    returns: JsonObject
    source: str
    function: str
    tests: tuple[JsonObject, ...] = field(default=())
    in_doubt: InDoubtPolicy = "rerun"
    permissions: ToolPermissions = NO_PERMISSIONS
    label: Label = UNKNOWN

    @property
    def spec(self) -> ToolSpec:
        """What a model is told about it."""
        return ToolSpec(name=self.name, description=self.description, parameters=self.parameters)


@dataclass(frozen=True, slots=True)
class ScoredCapability:
    """A hit of a search.

    `score` is calibrated by the library: 0 unrelated, 1 the same meaning (a cosine similarity will do). `confident`
    says that the hit is related to the query at all, by meaning or by words, and not only the least bad one.
    """

    capability: Capability
    score: float
    confident: bool


class CapabilityLibrary(Protocol):
    """Where evolved tools are looked up. Only active versions are ever returned."""

    async def find(self, tenant_id: UUID, query: str, limit: int) -> list[ScoredCapability]:
        """Hybrid search over names and descriptions, best first; an unreachable index gives no hits."""
        ...

    async def get(self, tenant_id: UUID, version_id: UUID) -> Capability | None:
        """One exact version; None when it is not active (any more)."""
        ...

    async def record_use(self, tenant_id: UUID, version_id: UUID, *, run_id: UUID, call_id: str, ok: bool) -> None:
        """Count one use, once for each (run, call)."""
        ...
