"""Change a webhook, and give it a new secret."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from hortus_server.domain.audit import SYSTEM, Actor, NewAuditEntry
from hortus_server.domain.ids import TenantId, WebhookId
from hortus_server.domain.webhooks import Webhook, checked_filters, new_secret
from hortus_server.ports.clock import Clock, utc_now
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.ports.webhook_sender import WebhookSender
from hortus_server.services.create_once import Answer, Once, create_once
from hortus_server.services.create_webhook import check_url

BY_CALLER: Final = "disabled by the caller"


@dataclass(frozen=True, slots=True)
class ChangeWebhook:
    """What is enabled again delivers what was owed when it was disabled; events in between were never owed."""

    store: Store
    sender: WebhookSender | None
    now: Clock = utc_now

    async def __call__(
        self, tenant_id: TenantId, webhook_id: WebhookId, *, changes: Mapping[str, Any], actor: Actor = SYSTEM
    ) -> Webhook:
        """Set fields of `Webhook` by name; `agent` is an id, a name, or None for all.

        Raises NotFoundError, and InvalidInputError as a create does.
        """
        wanted = dict(changes)
        if "url" in wanted:
            await check_url(self.sender, wanted["url"])
        if "events" in wanted:
            wanted["events"] = checked_filters(wanted["events"])
        async with self.store.transaction(tenant_id) as uow:
            before = await uow.webhooks.get(tenant_id, webhook_id, hold=True)
            if "agent" in wanted:
                key = wanted.pop("agent")
                wanted["agent_id"] = None if key is None else (await uow.agents.get(tenant_id, key)).id
            match wanted.get("enabled"):
                case True if not before.enabled:
                    wanted |= {"disabled_reason": None, "failing_since": None}
                case False if before.enabled:
                    wanted |= {"disabled_reason": BY_CALLER}
            detail = {"fields": sorted(changes), "url": wanted.get("url", before.url)}
            entry = NewAuditEntry(tenant_id, actor, "webhook.changed", f"webhook:{webhook_id}", detail)
            await uow.audit.append(entry)
            return await uow.webhooks.change(replace(before, **wanted, updated_at=self.now()))

    async def rotate_secret(
        self,
        tenant_id: TenantId,
        webhook_id: WebhookId,
        *,
        overlap: timedelta,
        once: Once[Webhook],
        actor: Actor = SYSTEM,
    ) -> tuple[Answer, str | None]:
        """Sign with a new secret, and for the time of `overlap` with the one before too.

        The answer (without the secret) and the secret unless it is a repetition. Raises NotFoundError.
        """
        made: list[str] = []

        async def make(uow: UnitOfWork) -> Webhook:
            made.append(new_secret())
            subject = f"webhook:{webhook_id}"
            await uow.audit.append(NewAuditEntry(tenant_id, actor, "webhook.secret_rotated", subject))
            return await uow.webhooks.rotate_secret(
                tenant_id, webhook_id, secret=made[-1], previous_until=self.now() + overlap
            )

        answer = await create_once(self.store, tenant_id, once, make)
        return answer, made[-1] if made else None
