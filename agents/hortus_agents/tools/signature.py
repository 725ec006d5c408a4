"""Tools as one short line each: what a small model can afford to read."""

from collections.abc import Mapping
from typing import Any

from hortus_agents.messages import ToolSpec

_DESCRIPTION_LIMIT = 160  # characters


def render_signature(spec: ToolSpec) -> str:
    """`name(a: string, b?: array of integer): description`, parameters in the schema's order."""
    required = set(spec.parameters.get("required", ()))
    properties: Mapping[str, Any] = spec.parameters.get("properties", {})
    parameters = ", ".join(
        f"{name}{'' if name in required else '?'}: {type_name(schema)}" for name, schema in properties.items()
    )
    description = " ".join(spec.description.split())[:_DESCRIPTION_LIMIT]
    return f"{spec.name}({parameters}): {description}"


def type_name(schema: Mapping[str, Any]) -> str:
    """A JSON schema's type in two or three words."""
    kind = schema.get("type", "any")
    if kind == "array":
        return f"array of {type_name(schema.get('items', {}))}"
    return str(kind)
