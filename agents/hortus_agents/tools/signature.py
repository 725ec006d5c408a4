"""Tools as one short line each: what a small model can afford to read."""

from collections.abc import Mapping
from typing import Any

from hortus_agents.messages import ToolSpec
from hortus_agents.tools.fencing import FENCED

_DESCRIPTION_LIMIT = 160  # characters
_TYPES = ("string", "number", "integer", "boolean", "object", "array", "null")


def render_signature(spec: ToolSpec) -> str:
    """`name(a: string, b?: array of integer): description`, parameters in the schema's order."""
    required = set(spec.parameters.get("required", ()))
    properties: Mapping[str, Any] = spec.parameters.get("properties", {})
    parameters = ", ".join(
        f"{name}{'' if name in required else '?'}: {type_name(schema)}" for name, schema in properties.items()
    )
    said = " ".join(spec.description.split())
    description = said if said.startswith(FENCED) else said[:_DESCRIPTION_LIMIT]  # a fence has its own bound
    return f"{spec.name}({parameters}): {description}"


def type_name(schema: Mapping[str, Any]) -> str:
    """A JSON schema's type in two or three words; what is no type of JSON is not repeated."""
    kind = schema.get("type")
    if kind == "array":
        items = schema.get("items")
        return f"array of {type_name(items if isinstance(items, Mapping) else {})}"
    kinds = [kind] if isinstance(kind, str) else kind if isinstance(kind, list) else []
    return " or ".join(each for each in kinds if each in _TYPES) or "any"
