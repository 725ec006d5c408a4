"""Answers to creates in PostgreSQL, by the caller's Idempotency-Key."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.errors import ConflictError, IdempotencyMismatchError, NotFoundError
from hortus_server.domain.ids import TenantId

_STATEMENTS = load_statements("idempotency.sql")


class PostgresIdempotency:
    """See `IdempotencyRepository`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def begin(self, tenant_id: TenantId, key: str, *, route: str, body_sha256: bytes) -> Mapping[str, Any] | None:
        """See the port. Raises ConflictError for a key whose first use committed without an answer."""
        if await self._sql.count("reserve_key", tenant_id=tenant_id, key=key, route=route, body_sha256=body_sha256):
            return None
        found = await self._sql.one("find_answer", _answer, tenant_id=tenant_id, key=key, route=route)
        if found is None:
            raise ConflictError("the Idempotency-Key was purged at this moment; send the request again")
        first_sha256, answer = found
        if first_sha256 != body_sha256:
            raise IdempotencyMismatchError("this Idempotency-Key was used with another body")
        if answer is None:
            raise ConflictError("the first request with this Idempotency-Key left no answer")
        return answer

    async def complete(self, tenant_id: TenantId, key: str, *, route: str, answer: Mapping[str, Any]) -> None:
        """See the port. Raises NotFoundError for a key that was not reserved."""
        if not await self._sql.count(
            "store_answer", tenant_id=tenant_id, key=key, route=route, answer=Jsonb(dict(answer))
        ):
            raise NotFoundError("idempotency key", key)

    async def purge(self, *, older_than: timedelta, limit: int) -> int:
        """See the port."""
        return await self._sql.count("purge_keys", older_than=older_than, rows=limit)


def _answer(*, body_sha256: bytes, answer: Mapping[str, Any] | None) -> tuple[bytes, Mapping[str, Any] | None]:
    return body_sha256, answer
