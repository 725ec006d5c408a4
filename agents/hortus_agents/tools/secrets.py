"""How tools get credentials: by name, for one outgoing call, and never into a prompt."""

from typing import Protocol


class SecretSource(Protocol):
    """The secrets that one run's agent may use."""

    async def reveal(self, name: str) -> str:
        """The value. Raises ToolFailedError, which says why and nothing of the value."""
        ...

    async def redact(self, text: str) -> str:
        """The text without any value that this agent's definition names, in whatever usual encoding."""
        ...
