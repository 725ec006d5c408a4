"""JSON schemas that others may have written: judging by one fetches nothing, and takes a bounded time."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend
from referencing import Registry

REFERENCES: Final = frozenset({
    "$ref", "$dynamicRef", "$recursiveRef", "$id", "$anchor", "$dynamicAnchor", "$schema",
})  # fmt: skip
"""Keywords that reach beyond a schema, or say where it stands."""
_ALONE: Final[Registry[Any]] = Registry()


def validator(schema: Mapping[str, Any], *, foreign: bool = False) -> Draft202012Validator:
    """Judges values; a reference beyond the schema is an error of `referencing`, and never a request.

    With `foreign` nothing is matched against the schema's own patterns, which may take for ever.
    """
    kind = _WithoutPatterns if foreign else Draft202012Validator
    return kind(schema, registry=_ALONE)


def foreign_fault(schema: Mapping[str, Any]) -> str | None:
    """Why a schema that somebody else wrote is not taken: it is none, or has references or patterns."""
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return f"not a JSON schema: {error.message[:200]}"
    keyword = next(_unwanted(schema), None)
    return None if keyword is None else f"{keyword} is not taken: no references, no patterns"


def members(schema: Any) -> Iterator[tuple[str, Any]]:
    """Every key of a schema with its value, whatever its depth; what stands in values that it names is none."""
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            yield str(key), value
            if key not in {"const", "enum", "default", "examples"}:
                yield from members(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from members(item)


def _unwanted(schema: Mapping[str, Any]) -> Iterator[str]:
    for key, value in members(schema):
        # A property may be called so; then a schema stands behind its name.
        if key == "patternProperties" or (isinstance(value, str) and key in {"pattern", *REFERENCES}):
            yield key


def _nothing(_validator: Any, _value: Any, _instance: Any, _schema: Any) -> Iterator[ValidationError]:
    yield from ()


def _additional(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if "patternProperties" not in schema:
        yield from Draft202012Validator.VALIDATORS["additionalProperties"](validator, value, instance, schema)


_WithoutPatterns: Final[type[Draft202012Validator]] = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {
        "pattern": _nothing,
        "patternProperties": _nothing,
        "unevaluatedProperties": _nothing,
        "additionalProperties": _additional,
    },
)
