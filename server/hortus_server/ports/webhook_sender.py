"""What services need to reach a webhook's endpoint."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """What an endpoint said. `status` is None when it said nothing, and `error` tells why.

    `excerpt` is the beginning of the body; `wait` is its Retry-After.
    """

    status: int | None
    error: str | None = None
    excerpt: str = ""
    wait: timedelta | None = None

    @property
    def arrived(self) -> bool:
        """Whether the endpoint took the message: any 2xx, nothing else."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - the class of success


class WebhookSender(Protocol):
    """Reaches public addresses only, and those that the operator allows."""

    async def check(self, url: str) -> None:
        """Raises InvalidInputError, with the reason, for an address that deliveries may not go to."""
        ...

    async def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> WebhookAnswer:
        """POST once, within bounds of time and size, following no redirect. What fails is in the answer."""
        ...
