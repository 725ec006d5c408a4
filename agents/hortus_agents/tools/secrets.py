"""How tools get credentials: by name, for one outgoing call, and never into a prompt."""

from collections.abc import Mapping
from typing import Any, Protocol

from yarl import URL


class SecretSource(Protocol):
    """The secrets that one run's agent may use."""

    async def reveal(self, name: str, *, url: URL) -> str:
        """The value, to be sent to `url` and nowhere else.

        Raises ToolDeniedError where the secret may not be sent there, ToolFailedError where it cannot be had; both say
        why and nothing of the value.
        """
        ...

    async def redact(self, text: str) -> str:
        """The text without any value of a secret, in whatever usual encoding."""
        ...

    def holds(self, arguments: Mapping[str, Any]) -> bool:
        """Whether the value of a secret stands in a call's arguments, in whatever usual encoding."""
        ...
