"""Webhooks in PostgreSQL."""

from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from hortus_server.adapters.postgres import rows
from hortus_server.adapters.postgres.paging import decode_id, encode_id, to_page
from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.errors import NotFoundError
from hortus_server.domain.ids import TenantId, WebhookId
from hortus_server.domain.records import Page
from hortus_server.domain.webhooks import Webhook
from hortus_server.ports.paging import PageRequest

_STATEMENTS = load_statements("webhooks.sql")


class PostgresWebhooks:
    """See `WebhookRepository`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def add(self, webhook: Webhook, *, secret: str) -> Webhook:
        """See the port."""
        added = await self._sql.one(
            "add_webhook",
            rows.webhook,
            id=webhook.id,
            tenant_id=webhook.tenant_id,
            description=webhook.description,
            url=webhook.url,
            events=list(webhook.events),
            agent_id=webhook.agent_id,
            enabled=webhook.enabled,
            disabled_reason=webhook.disabled_reason,
            secret=secret,
            created_at=webhook.created_at,
            updated_at=webhook.updated_at,
        )
        if added is None:
            raise NotFoundError("agent", webhook.agent_id)
        return added

    async def get(self, tenant_id: TenantId, webhook_id: WebhookId, *, hold: bool = False) -> Webhook:
        """See the port."""
        if hold:
            found = await self._sql.one("hold_webhook", rows.webhook, tenant_id=tenant_id, webhook_id=webhook_id)
        else:
            found = await self._sql.one("get_webhook", rows.webhook, tenant_id=tenant_id, webhook_id=webhook_id)
        return _found(found, webhook_id)

    async def list(self, tenant_id: TenantId, page: PageRequest) -> Page[Webhook]:
        """See the port."""
        found = await self._sql.many(
            "list_webhooks", rows.webhook, tenant_id=tenant_id, before=decode_id(page.cursor), rows=page.limit + 1
        )
        return to_page(found, page.limit, lambda webhook: encode_id(webhook.id))

    async def change(self, webhook: Webhook) -> Webhook:
        """See the port."""
        changed = await self._sql.one(
            "change_webhook",
            rows.webhook,
            id=webhook.id,
            tenant_id=webhook.tenant_id,
            description=webhook.description,
            url=webhook.url,
            events=list(webhook.events),
            agent_id=webhook.agent_id,
            enabled=webhook.enabled,
            disabled_reason=webhook.disabled_reason,
            failing_since=webhook.failing_since,
            updated_at=webhook.updated_at,
        )
        return _found(changed, webhook.id)

    async def rotate_secret(
        self, tenant_id: TenantId, webhook_id: WebhookId, *, secret: str, previous_until: datetime
    ) -> Webhook:
        """See the port."""
        changed = await self._sql.one(
            "rotate_secret",
            rows.webhook,
            tenant_id=tenant_id,
            webhook_id=webhook_id,
            secret=secret,
            previous_until=previous_until,
        )
        return _found(changed, webhook_id)

    async def delete(self, tenant_id: TenantId, webhook_id: WebhookId) -> None:
        """See the port."""
        if not await self._sql.count("delete_webhook", tenant_id=tenant_id, webhook_id=webhook_id):
            raise NotFoundError("webhook", webhook_id)

    async def arrived(self, webhook_id: WebhookId) -> None:
        """See the port."""
        await self._sql.count("note_arrival", webhook_id=webhook_id)

    async def failed(self, webhook_id: WebhookId, *, at: datetime, disable_because: str | None) -> None:
        """See the port."""
        await self._sql.count("note_failure", webhook_id=webhook_id, at=at, reason=disable_because)


def _found(webhook: Webhook | None, webhook_id: WebhookId) -> Webhook:
    if webhook is None:
        raise NotFoundError("webhook", webhook_id)
    return webhook
