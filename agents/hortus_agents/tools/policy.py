"""Who may call what: default deny above scratch, and what an agent's definition grants."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

from hortus_agents.spec import AgentSpec
from hortus_agents.tools.port import SideEffect, ToolDefinition


class ToolPolicy(Protocol):
    """Decides on a call whose arguments are already valid."""

    def refuse(self, definition: ToolDefinition, arguments: Mapping[str, Any], spec: AgentSpec) -> str | None:
        """Why the call may not happen, in words for the model; None lets it through."""
        ...


class ClassPolicy:
    """Reads and scratch work pass; anything that reaches further needs a grant in the agent's definition."""

    def refuse(self, definition: ToolDefinition, arguments: Mapping[str, Any], spec: AgentSpec) -> str | None:
        """See ToolPolicy."""
        if definition.side_effect < SideEffect.EXTERNAL:
            return None
        grant = _GRANTS.get(definition.spec.name)
        if grant is None:
            return f"{definition.spec.name} reaches outside and this agent has no permission for it"
        return grant(arguments, spec)


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
