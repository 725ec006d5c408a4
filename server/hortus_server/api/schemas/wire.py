"""What all documents of the API share: strict bodies, views of records, pages, names."""

from collections.abc import Callable
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from hortus_server.domain.ids import AgentId
from hortus_server.domain.records import Page

T = TypeVar("T")
V = TypeVar("V")


class Body(BaseModel):
    """A request: unknown fields are refused, so that a typing error never passes for a wish."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class View(BaseModel):
    """A response, filled from a record's attributes."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class PageView(View, Generic[V]):
    """A page, newest first; give `next_cursor` back as `cursor` for the next one, null ends the list."""

    items: tuple[V, ...]
    next_cursor: str | None


def page_json(page: Page[T], view: Callable[[T], View]) -> dict[str, Any]:
    """A page as it is sent."""
    return {"items": [view(item).model_dump(mode="json") for item in page.items], "next_cursor": page.next_cursor}


def _not_an_id(name: str) -> str:
    try:
        UUID(name)
    except ValueError:
        return name
    raise ValueError("a name must not look like an id")


Name = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$"),
    AfterValidator(_not_an_id),
    Field(description="lower case letters, digits, `.`, `_`, `-`; at most 63; not of the form of an id"),
]


def id_or_name(value: str) -> UUID | str:
    """A path segment that names a thing either way; both mean the same tenant's thing."""
    try:
        return UUID(value)
    except ValueError:
        return value


def agent_of(value: str) -> AgentId | str:
    """An agent by id or name."""
    key = id_or_name(value)
    return AgentId(key) if isinstance(key, UUID) else key
