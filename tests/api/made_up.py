"""The least that a JSON schema asks for."""

from typing import Any

TEXTS = {"uri": "https://example.org/", "uuid": "0" * 8 + "-0000-7000-8000-" + "0" * 12}


def make_up(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    """A value that fits: an example or a default if the schema has one, else required fields and shortest texts."""
    if "$ref" in schema:
        return make_up(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    given = [schema[key] for key in ("const", "default") if key in schema] + schema.get("examples", [])
    if given or "enum" in schema:
        return given[0] if given else schema["enum"][0]
    choices = schema.get("oneOf") or schema.get("anyOf")
    return make_up(document, choices[0]) if choices else _of_type(document, schema)


def _of_type(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    match schema.get("type"):
        case "object":
            fields = schema.get("properties", {})
            return {name: make_up(document, fields[name]) for name in schema.get("required", ())}
        case "array":
            return [make_up(document, schema["items"])] * schema.get("minItems", 0)
        case "string":
            return TEXTS.get(schema.get("format", ""), "x" * max(1, schema.get("minLength", 1)))
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return False
        case _:
            return None
