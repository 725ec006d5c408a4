"""The outbox of webhooks in PostgreSQL; its rows are written by the statements of `events.sql`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import AsyncConnection

from hortus_server.adapters.postgres import rows
from hortus_server.adapters.postgres.paging import decode_timed, encode_timed, to_page
from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.errors import ConflictError, NotFoundError
from hortus_server.domain.ids import DeliveryId, TenantId, WebhookId
from hortus_server.domain.records import Page
from hortus_server.domain.webhooks import Attempt, Delivery, DeliveryState, TakenDelivery
from hortus_server.ports.paging import PageRequest

_STATEMENTS = load_statements("deliveries.sql")
_PURGE_ROWS: Final = 10_000


class PostgresDeliveries:
    """See `DeliveryRepository`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def take_due(
        self, now: datetime, *, lease: timedelta, limit: int, per_webhook: int
    ) -> Sequence[TakenDelivery]:
        """See the port. What a sender left when it died is due again after its lease."""
        return await self._sql.many(
            "take_due", rows.taken_delivery, now=now, lease=lease, rows=limit, per_webhook=per_webhook
        )

    async def record(
        self,
        taken: TakenDelivery,
        attempt: Attempt,
        *,
        state: DeliveryState,
        next_attempt_at: datetime | None,
    ) -> bool:
        """See the port."""
        return bool(
            await self._sql.count(
                "record_attempt",
                delivery_id=taken.id,
                attempt=attempt.attempt,
                state=state,
                next_attempt_at=next_attempt_at,
                at=attempt.at,
                latency_ms=attempt.latency_ms,
                status=attempt.status,
                error=attempt.error,
                response_excerpt=attempt.response_excerpt,
            )
        )

    async def get(self, tenant_id: TenantId, webhook_id: WebhookId, delivery_id: DeliveryId) -> Delivery:
        """See the port."""
        found = await self._sql.one(
            "get_delivery", Delivery, tenant_id=tenant_id, webhook_id=webhook_id, delivery_id=delivery_id
        )
        if found is None:
            raise NotFoundError("delivery", delivery_id)
        return found

    async def list(
        self, tenant_id: TenantId, webhook_id: WebhookId, page: PageRequest, *, state: DeliveryState | None = None
    ) -> Page[Delivery]:
        """See the port."""
        before_at, before = decode_timed(page.cursor)
        found = await self._sql.page(
            "list_deliveries",
            Delivery,
            tenant_id=tenant_id,
            webhook_id=webhook_id,
            state=state,
            before_at=before_at,
            before=before,
            rows=page.limit + 1,
        )
        return to_page(found, page.limit, lambda delivery: encode_timed(delivery.created_at, delivery.id))

    async def attempts(self, tenant_id: TenantId, delivery_id: DeliveryId) -> tuple[Attempt, ...]:
        """See the port."""
        return tuple(await self._sql.many("list_attempts", Attempt, tenant_id=tenant_id, delivery_id=delivery_id))

    async def replay(
        self, tenant_id: TenantId, webhook_id: WebhookId, delivery_id: DeliveryId, *, now: datetime
    ) -> Delivery:
        """See the port."""
        replayed = await self._sql.one(
            "replay_delivery", Delivery, tenant_id=tenant_id, webhook_id=webhook_id, delivery_id=delivery_id, now=now
        )
        if replayed is None:
            await self.get(tenant_id, webhook_id, delivery_id)
            raise ConflictError("this delivery is being sent at this moment")
        return replayed

    async def replay_dead(self, tenant_id: TenantId, webhook_id: WebhookId, *, now: datetime, limit: int) -> int:
        """See the port."""
        return await self._sql.count("replay_dead", tenant_id=tenant_id, webhook_id=webhook_id, now=now, rows=limit)

    async def purge(self, *, older_than: timedelta) -> int:
        """See the port. A bounded number for each call."""
        return await self._sql.count("purge_deliveries", older_than=older_than, rows=_PURGE_ROWS)
