"""What an agent's own definition grants, withholds, and wants a person's word for."""

from collections.abc import Callable, Mapping
from typing import Any

from yarl import URL

from hortus_agents.spec import AgentSpec
from hortus_agents.tools.port import SideEffect, ToolDefinition


def host_allowed(url: str | URL, allow: tuple[str, ...]) -> bool:
    """Whether the host of `url` stands in `allow`: `name` for the scheme's own port, `name:port` for that one.

    The host is the one that a request would connect to, whatever the text says. An IPv6 address may stand in brackets.
    """
    try:
        parsed = URL(url)
    except ValueError:
        return False
    if not parsed.raw_host or parsed.scheme not in {"http", "https"}:
        return False
    names = {name.lower() for name in allow}
    own_port = 443 if parsed.scheme == "https" else 80
    return any(
        f"{host}:{parsed.port}" in names or (host in names and parsed.port == own_port)
        for host in (parsed.raw_host, parsed.host, f"[{parsed.raw_host}]")
    )


def host_of(url: str) -> str | None:
    """The host that a request to `url` would connect to; None where there is none."""
    try:
        return URL(url).raw_host
    except ValueError:
        return None


def withheld(definition: ToolDefinition, arguments: Mapping[str, Any], spec: AgentSpec) -> str | None:
    """Why the definition does not let the agent make this call, which no person can give; None where it does."""
    grant = _GRANTS.get(definition.spec.name) if definition.side_effect >= SideEffect.EXTERNAL else None
    return None if grant is None else grant(arguments, spec)


def granted(definition: ToolDefinition, spec: AgentSpec) -> bool:
    """Whether the definition gives the agent this tool, for whatever is not withheld."""
    name = definition.spec.name
    # To name a plug-in is to grant it; a tool that agents wrote cannot take the grant by taking the name.
    return name in _GRANTS or (definition.version_id is None and name in spec.plugins)


def asks_person(definition: ToolDefinition, spec: AgentSpec) -> bool:
    """Whether the definition wants a person to approve this tool's calls."""
    approval = spec.approval
    return definition.spec.name in approval.tools or (
        approval.from_class is not None and definition.side_effect >= approval.from_class
    )


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
