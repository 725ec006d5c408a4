"""What a new tool is called, takes and returns: small on purpose, so that a small model can say it under a schema."""

import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hortus_agents.messages import JsonObject

NAME_PATTERN = "^[a-z][a-z0-9_]{1,39}$"
MAX_PARAMETERS = 4

_SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}
TYPES: Mapping[str, tuple[JsonObject, str]] = {
    **{name: ({"type": name}, hint) for name, hint in _SCALARS.items()},
    **{
        f"array of {name}": ({"type": "array", "items": {"type": name}}, f"list[{hint}]")
        for name, hint in _SCALARS.items()
    },
}
"""Type names that a signature may use: their JSON schema and their Python annotation."""

SIGNATURE_SCHEMA: JsonObject = {
    "title": "signature",
    "type": "object",
    "properties": {
        "name": {"type": "string", "pattern": NAME_PATTERN},
        "description": {"type": "string", "minLength": 8, "maxLength": 160},
        "parameters": {
            "type": "array",
            "minItems": 1,
            "maxItems": MAX_PARAMETERS,
            "items": {
                "type": "object",
                "properties": {
                    "name": {"type": "string", "pattern": NAME_PATTERN},
                    "type": {"enum": list(TYPES)},
                },
                "required": ["name", "type"],
                "additionalProperties": False,
            },
        },
        "returns": {"enum": list(TYPES)},
    },
    "required": ["name", "description", "parameters", "returns"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Signature:
    """A function's name, meaning, parameters in order (name -> type name) and return type name."""

    name: str
    description: str
    parameters: tuple[tuple[str, str], ...]
    returns: str

    @property
    def parameters_schema(self) -> JsonObject:
        """JSON schema of the arguments."""
        return {
            "type": "object",
            "properties": {name: TYPES[kind][0] for name, kind in self.parameters},
            "required": [name for name, _ in self.parameters],
            "additionalProperties": False,
        }

    @property
    def returns_schema(self) -> JsonObject:
        """JSON schema of the result."""
        return TYPES[self.returns][0]

    @property
    def head(self) -> str:
        """The `def` line."""
        parameters = ", ".join(f"{name}: {TYPES[kind][1]}" for name, kind in self.parameters)
        return f"def {self.name}({parameters}) -> {TYPES[self.returns][1]}:"


def read_signature(value: Mapping[str, Any], *, taken: frozenset[str]) -> Signature:
    """A signature from a model's JSON, names made usable and unlike any of `taken`.

    Raises:
        ValueError: Two parameters share a name.
    """
    parameters = tuple((_identifier(entry["name"]), str(entry["type"])) for entry in value["parameters"])
    if len({name for name, _ in parameters}) < len(parameters):
        raise ValueError("two parameters have the same name")
    name = _identifier(value["name"])
    number = 1
    while (free := name if number == 1 else f"{name}_{number}") in taken:
        number += 1
    return Signature(free, " ".join(str(value["description"]).split()), parameters, str(value["returns"]))


def _identifier(text: str) -> str:
    name = re.sub(r"[^a-z0-9_]+", "_", text.lower()).strip("_") or "value"
    return f"{name}_" if keyword.iskeyword(name) or name[0].isdigit() else name
