"""Send again what was delivered, or what nobody took."""

from datetime import datetime
from typing import Final

from hortus_server.domain.ids import DeliveryId, TenantId, WebhookId
from hortus_server.domain.webhooks import Delivery
from hortus_server.ports.store import Store

AT_ONCE: Final = 1000


async def replay_delivery(
    store: Store, tenant_id: TenantId, webhook_id: WebhookId, *, delivery_id: DeliveryId, now: datetime
) -> Delivery:
    """Owe one delivery anew, under its `webhook-id`. Raises NotFoundError; ConflictError while it is being sent."""
    async with store.transaction(tenant_id) as uow:
        return await uow.deliveries.replay(tenant_id, webhook_id, delivery_id, now=now)


async def replay_dead(store: Store, tenant_id: TenantId, webhook_id: WebhookId, *, now: datetime) -> int:
    """Owe the oldest dead deliveries of an endpoint anew, at most a thousand; how many. Raises NotFoundError."""
    async with store.transaction(tenant_id) as uow:
        await uow.webhooks.get(tenant_id, webhook_id)
        return await uow.deliveries.replay_dead(tenant_id, webhook_id, now=now, limit=AT_ONCE)
