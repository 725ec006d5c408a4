"""What services need of the live channel: committed events and token deltas. Nothing durable rests on it.

A session is named together with its tenant: under another tenant's id nothing is heard or found.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from hortus_agents.events import Event
from hortus_server.domain.ids import SessionId, TenantId


@dataclass(frozen=True, slots=True)
class TokenDelta:
    """A piece of an answer that is being written; `index` is the offset in characters within the message.

    `generation` is that of the run's worker: what a higher one says replaces what a lower one said at the same place.
    `raw` is what the model wrote for the piece where that is not the text itself; readers never get it.
    """

    message_id: UUID
    index: int
    text: str
    generation: int = 0
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class PartialMessage:
    """What was written so far of a message that is not complete; `raw` as the model wrote it."""

    message_id: UUID
    text: str
    generation: int = 0
    raw: str = ""


LiveItem = Event | TokenDelta


class LivePublisher(Protocol):
    """The worker's and the API's side. Failures are logged, never raised: readers fall back to the log."""

    async def publish_events(self, tenant_id: TenantId, session_id: SessionId, events: Sequence[Event]) -> None:
        """Tell readers what was committed."""
        ...

    async def publish_delta(self, tenant_id: TenantId, session_id: SessionId, delta: TokenDelta) -> None:
        """Show a piece of text."""
        ...

    async def unfinished(self, tenant_id: TenantId, session_id: SessionId) -> PartialMessage | None:
        """What a worker left half-written in this session; None as well when nobody can tell."""
        ...


class LiveSubscriber(Protocol):
    """The reader's side; one per API process, shared by all its streams."""

    def subscribe(
        self, tenant_id: TenantId, session_id: SessionId
    ) -> AbstractAsyncContextManager[AsyncIterator[LiveItem]]:
        """What is published from now on; bounded, the oldest deltas are dropped first for a slow reader."""
        ...

    async def partial(self, tenant_id: TenantId, session_id: SessionId) -> PartialMessage | None:
        """The unfinished message of a session, for readers who join in the middle."""
        ...
