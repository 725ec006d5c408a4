"""What services need of webhooks, and of the outbox of their deliveries.

Deliveries are written by `EventRepository.append`, in the same statement as the event that they tell of.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from hortus_server.domain.ids import DeliveryId, TenantId, WebhookId
from hortus_server.domain.records import Page
from hortus_server.domain.webhooks import Attempt, Delivery, DeliveryState, TakenDelivery, Webhook
from hortus_server.ports.paging import PageRequest


class WebhookRepository(Protocol):
    """Endpoints of tenants."""

    async def add(self, webhook: Webhook, *, secret: str) -> Webhook:
        """Store. Raises NotFoundError when the tenant has no such agent."""
        ...

    async def get(self, tenant_id: TenantId, webhook_id: WebhookId, *, hold: bool = False) -> Webhook:
        """Raises NotFoundError. With `hold` nobody else changes it before the commit."""
        ...

    async def list(self, tenant_id: TenantId, page: PageRequest) -> Page[Webhook]:
        """Newest first."""
        ...

    async def change(self, webhook: Webhook) -> Webhook:
        """Write all that people may change. Raises NotFoundError."""
        ...

    async def rotate_secret(
        self, tenant_id: TenantId, webhook_id: WebhookId, *, secret: str, previous_until: datetime
    ) -> Webhook:
        """Sign with `secret` from now on, and with the one before too until then. Raises NotFoundError."""
        ...

    async def delete(self, tenant_id: TenantId, webhook_id: WebhookId) -> None:
        """Delete it with its deliveries. Raises NotFoundError."""
        ...

    async def arrived(self, webhook_id: WebhookId) -> None:
        """Note that a delivery arrived: the endpoint is not failing."""
        ...

    async def failed(self, webhook_id: WebhookId, *, at: datetime, disable_because: str | None) -> None:
        """Note that an attempt failed, since `at` if it is the first in a row; with a reason, disable the webhook."""
        ...


class DeliveryRepository(Protocol):
    """The outbox."""

    async def take_due(
        self, now: datetime, *, lease: timedelta, limit: int, per_webhook: int
    ) -> Sequence[TakenDelivery]:
        """Hold due deliveries of enabled webhooks for the time of `lease`.

        No more are taken of one webhook than bring those under way to `per_webhook`, as far as this transaction sees.
        """
        ...

    async def record(
        self,
        taken: TakenDelivery,
        attempt: Attempt,
        *,
        state: DeliveryState,
        next_attempt_at: datetime | None,
    ) -> bool:
        """Log an attempt and what it made of the delivery; False when another sender has taken over."""
        ...

    async def get(self, tenant_id: TenantId, webhook_id: WebhookId, delivery_id: DeliveryId) -> Delivery:
        """Raises NotFoundError."""
        ...

    async def list(
        self, tenant_id: TenantId, webhook_id: WebhookId, page: PageRequest, *, state: DeliveryState | None = None
    ) -> Page[Delivery]:
        """Newest first."""
        ...

    async def attempts(self, tenant_id: TenantId, delivery_id: DeliveryId) -> tuple[Attempt, ...]:
        """The log of a delivery, in order."""
        ...

    async def replay(
        self, tenant_id: TenantId, webhook_id: WebhookId, delivery_id: DeliveryId, *, now: datetime
    ) -> Delivery:
        """Make it due now, with all its retries anew. Raises NotFoundError; ConflictError while it is being sent."""
        ...

    async def replay_dead(self, tenant_id: TenantId, webhook_id: WebhookId, *, now: datetime, limit: int) -> int:
        """Make dead deliveries due now, the oldest first; how many."""
        ...

    async def purge(self, *, older_than: timedelta) -> int:
        """Forget deliveries that ended long ago."""
        ...
