"""What services need to answer a repeated create as they did the first time."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Protocol

from hortus_server.domain.ids import TenantId


class IdempotencyRepository(Protocol):
    """Answers to creates, by the caller's Idempotency-Key."""

    async def begin(self, tenant_id: TenantId, key: str, *, route: str, body_sha256: bytes) -> Mapping[str, Any] | None:
        """Reserve the key in this transaction, or return the stored answer {status, body}.

        Concurrent holders wait for the first to commit. Raises IdempotencyMismatchError when the body differs.
        """
        ...

    async def complete(self, tenant_id: TenantId, key: str, *, route: str, answer: Mapping[str, Any]) -> None:
        """Store the answer in the same transaction as what it describes."""
        ...

    async def purge(self, *, older_than: timedelta, limit: int) -> int:
        """Forget old keys, the oldest first and `limit` at most; how many."""
        ...
