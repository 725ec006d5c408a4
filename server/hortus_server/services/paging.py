"""Keyset paging as callers ask for it."""

from dataclasses import dataclass

from hortus_server.domain.errors import InvalidInputError

MAX_PAGE = 200


@dataclass(frozen=True, slots=True)
class PageSpec:
    """Newest first, at most `limit` items (1..200), after `cursor`."""

    limit: int = 50
    cursor: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MAX_PAGE:
            raise InvalidInputError(f"limit must be between 1 and {MAX_PAGE}")
