"""What services need of conversations."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from hortus_server.domain.ids import AgentId, MemoryId, SessionId, TenantId
from hortus_server.domain.records import ForkOrigin, MessagePolicy, Page, Session
from hortus_server.ports.paging import PageRequest
from hortus_server.ports.pending import Pending


class SessionRepository(Protocol):
    """Conversations."""

    def add(
        self,
        tenant_id: TenantId,
        *,
        session_id: SessionId | None = None,
        agent_id: AgentId,
        title: str,
        metadata: Mapping[str, Any],
        message_policy: MessagePolicy = "enqueue",
        origin: ForkOrigin | None = None,
    ) -> Pending[Session]:
        """A new session with an empty log, under `session_id` or an id of its own."""
        ...

    def get(self, tenant_id: TenantId, session_id: SessionId) -> Pending[Session]:
        """Raises NotFoundError."""
        ...

    async def heads(self, asked: Sequence[tuple[TenantId, SessionId]]) -> Mapping[tuple[TenantId, SessionId], int]:
        """The number of each session's last event, by what was asked; what a tenant does not have is absent."""
        ...

    async def list(
        self, tenant_id: TenantId, page: PageRequest, *, agent_id: AgentId | None = None, words: str = ""
    ) -> Page[Session]:
        """Newest first; with `words` those whose title or id holds each of them, of a bounded number of the newest."""
        ...

    async def delete(self, tenant_id: TenantId, session_id: SessionId) -> tuple[MemoryId, ...]:
        """Delete the session, its log, runs and derived memories; returns the memories' ids for the index.

        Raises NotFoundError, and ConflictError while a run is not terminal.
        """
        ...
