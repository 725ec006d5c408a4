"""Who may call what: default deny above scratch, what an agent's definition grants, and what a person decides."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from hortus_agents.labels import NOTHING_READ, RunLabels
from hortus_agents.spec import AgentSpec
from hortus_agents.tools.port import SideEffect, ToolDefinition


@dataclass(frozen=True, slots=True)
class ProposedCall:
    """What a policy judges: a known tool, arguments that its schema accepts, whose agent asks, what its run read."""

    definition: ToolDefinition
    arguments: Mapping[str, Any]
    spec: AgentSpec
    labels: RunLabels = NOTHING_READ


@dataclass(frozen=True, slots=True)
class Allow:
    """The call may happen. `rule` names what decided."""

    rule: str = "default"


@dataclass(frozen=True, slots=True)
class Deny:
    """The call may not happen; `reason` is for the model."""

    reason: str
    rule: str = "default"


@dataclass(frozen=True, slots=True)
class Approve:
    """A person decides, within `expires_s` seconds; `persons` different ones where one is not enough."""

    reason: str
    persons: int = 1
    expires_s: float = 86_400.0
    rule: str = "default"


Verdict = Allow | Deny | Approve


class ToolPolicy(Protocol):
    """Decides on a call whose arguments are already valid."""

    def judge(self, call: ProposedCall) -> Verdict:
        """Asked before a call, and again right before it runs once a person has approved it."""
        ...


class ClassPolicy:
    """Reads and scratch work pass; anything that reaches further needs a grant in the agent's definition, or a person.

    A grant that an agent lacks is no person's to give where the definition could have given it. What cannot be taken
    back needs two persons, always.
    """

    def judge(self, call: ProposedCall) -> Verdict:
        """See ToolPolicy."""
        definition, arguments, spec = call.definition, call.arguments, call.spec
        name, reach = definition.spec.name, definition.side_effect
        asks = name in spec.approval.tools or (
            spec.approval.from_class is not None and reach >= spec.approval.from_class
        )
        if reach >= SideEffect.EXTERNAL:
            grant = _GRANTS.get(name)
            refusal = grant(arguments, spec) if grant is not None else None
            if refusal is not None:
                return Deny(refusal)
            # To name a plug-in is to grant it; a tool that agents wrote cannot take the grant by taking the name.
            granted = grant is not None or (definition.version_id is None and name in spec.plugins)
            if not granted and not asks:
                return Deny(f"{name} reaches outside and this agent has no permission for it")
        if reach >= SideEffect.IRREVERSIBLE:
            return Approve(f"{name} cannot be taken back", 2, spec.approval.expires_s)
        if asks:
            return Approve(f"this agent's calls of {name} need a person's approval", 1, spec.approval.expires_s)
        return Allow()


def host_allowed(url: str, allow: tuple[str, ...]) -> bool:
    """Whether the host of `url` stands in `allow`: `name` for the scheme's own port, `name:port` for that one."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.scheme not in {"http", "https"}:
        return False
    own_port = 443 if parts.scheme == "https" else 80
    names = {name.lower() for name in allow}
    return f"{host}:{port or own_port}" in names or (host in names and port in {None, own_port})


def _may_fetch(arguments: Mapping[str, Any], spec: AgentSpec) -> str | None:
    if host_allowed(str(arguments.get("url", "")), spec.http_allow):
        return None
    allowed = ", ".join(spec.http_allow) or "none"
    return f"this agent may only reach these hosts: {allowed}"


def _may_remember(_arguments: Mapping[str, Any], spec: AgentSpec) -> str | None:
    return None if "remember" in spec.tools else "this agent may not write notes"


def _may_create(_arguments: Mapping[str, Any], spec: AgentSpec) -> str | None:
    return None if spec.evolution.create else "this agent may not add tools"


_GRANTS: dict[str, Callable[[Mapping[str, Any], AgentSpec], str | None]] = {
    "http_get": _may_fetch,
    "remember": _may_remember,
    "request_capability": _may_create,
}
