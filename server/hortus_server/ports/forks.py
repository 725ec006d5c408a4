"""What a fork takes of the log that it goes on from."""

from dataclasses import dataclass
from typing import Protocol

from hortus_server.domain.ids import SessionId, TenantId


@dataclass(frozen=True, slots=True)
class Conversation:
    """The newest part of a conversation up to a place; `left_out` says that there was more before it."""

    session_id: SessionId
    first_seq: int
    at_seq: int
    events: int
    left_out: bool


class ForkRepository(Protocol):
    """Conversations are copied, so that a fork owes its origin nothing."""

    async def measure(self, tenant_id: TenantId, session_id: SessionId, *, at_seq: int) -> Conversation:
        """What a fork at this place takes along: a bounded number of events and bytes."""
        ...

    async def copy(self, tenant_id: TenantId, conversation: Conversation, *, into: SessionId) -> int:
        """Append it to another log of the tenant; how many events that were.

        Messages and bound tools come in the conversation's order with their times, and belong to no run.
        """
        ...
