"""What services need to keep passwords: a slow, salted hash."""

from typing import Protocol


class Passwords(Protocol):
    """Costs much time and memory on purpose; a bounded number is under way at once."""

    async def hash(self, password: str) -> str:
        """In PHC form, salted. Raises LimitExceededError when too many wait."""
        ...

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether it is the password; takes as long where nothing is stored. Raises LimitExceededError."""
        ...

    def is_outdated(self, stored: str) -> bool:
        """Whether the hash was made with other costs than today's."""
        ...
