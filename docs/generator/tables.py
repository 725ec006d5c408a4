"""What all pages share: prose out of docstrings, tables out of pydantic fields."""

import inspect
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

MADE = "<!-- Made by docs/generator from the code; `make docs` writes it anew. -->\n"


def doc(cls: Any) -> str:
    """A docstring as one line."""
    return " ".join((inspect.getdoc(cls) or "").split())


def prose(text: str | None) -> str:
    """A text as one line."""
    return " ".join(inspect.cleandoc(text or "").split())


def row(*cells: str) -> str:
    """One row of a table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def field_table(cls: type[BaseModel], *, skip: tuple[str, ...] = ()) -> str:
    """The fields of a model as a table; empty without fields."""
    shown = {name: field for name, field in cls.model_fields.items() if name not in skip}
    if not shown:
        return ""
    text = "| field | type | default | |\n|---|---|---|---|\n"
    for name, field in shown.items():
        text += row(
            f"`{name}`", type_name(field.annotation) + bounds_of(field), default_of(field), field.description or ""
        )
    return text


def bounds_of(field: FieldInfo) -> str:
    """The bounds of a number, in words."""
    said = {Ge: ("from", "ge"), Gt: ("above", "gt"), Le: ("to", "le"), Lt: ("below", "lt")}
    found = [(*said[type(one)], one) for one in field.metadata if type(one) in said]
    return ", " + " ".join(f"{word} {getattr(one, name)}" for word, name, one in found) if found else ""


def default_of(field: FieldInfo) -> str:
    """The default of a field, in words."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, BaseModel):
        return "see below"
    if value is None or (not value and isinstance(value, str | tuple | dict)):
        return "none"
    if isinstance(value, tuple):
        return ", ".join(f"`{one}`" for one in value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def type_name(annotation: Any) -> str:
    """A type as JSON's reader knows it."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_name(arguments[0])
    if origin is Literal:
        return ", ".join(f"`{one}`" for one in arguments)
    if origin in {Union, UnionType}:
        if set(map(_is_model, arguments)) == {True}:
            return "payload"
        return " or ".join(type_name(one) for one in arguments if one is not NoneType)
    if origin is tuple:
        return f"list of {type_name(arguments[0])}"
    if origin is dict:
        return "object"
    named = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "UUID": "id", "datetime": "time"}
    return named.get(annotation.__name__, f"`{annotation.__name__}`")


def _is_model(annotation: Any) -> bool:
    return inspect.isclass(annotation) and issubclass(annotation, BaseModel)
