"""What services need to read long lists page by page."""

from typing import Protocol


class PageRequest(Protocol):
    """Keyset paging: newest first, at most `limit` (1..200) items, after `cursor`."""

    @property
    def limit(self) -> int:
        """Items wanted at most."""
        ...

    @property
    def cursor(self) -> str | None:
        """Where the page before ended; None for the first."""
        ...
