"""Register an endpoint; its secret is shown once."""

from collections.abc import Sequence
from dataclasses import dataclass

from hortus_server.domain.audit import SYSTEM, Actor, NewAuditEntry
from hortus_server.domain.errors import UnavailableError
from hortus_server.domain.ids import AgentId, TenantId, WebhookId, new_id
from hortus_server.domain.webhooks import Webhook, checked_filters, new_secret
from hortus_server.ports.clock import Clock, utc_now
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.ports.webhook_sender import WebhookSender
from hortus_server.services.create_once import Answer, Once, create_once
from hortus_server.services.demand_room import demand_room


@dataclass(frozen=True, slots=True)
class WebhookDraft:
    """A webhook before it exists; the fields are those of `Webhook`."""

    url: str
    events: Sequence[str]
    agent: AgentId | str | None
    description: str


@dataclass(frozen=True, slots=True)
class CreateWebhook:
    """Store a webhook; events from its commit on are delivered."""

    store: Store
    sender: WebhookSender | None
    now: Clock = utc_now

    async def __call__(
        self, tenant_id: TenantId, *, draft: WebhookDraft, once: Once[Webhook], actor: Actor = SYSTEM
    ) -> tuple[Answer, str | None]:
        """The answer (without the secret, so that it may be stored) and the secret unless it is a repetition.

        Raises InvalidInputError for an address that may not be reached or a filter that nothing matches, and
        NotFoundError for an unknown agent, ConflictError where there is no room.
        """
        events = checked_filters(draft.events)
        await check_url(self.sender, draft.url)
        now = self.now()
        made: list[str] = []

        async def make(uow: UnitOfWork) -> Webhook:
            await demand_room(uow, tenant_id, "webhooks")
            agent_id = None if draft.agent is None else (await uow.agents.get(tenant_id, draft.agent)).id
            webhook = Webhook(
                id=WebhookId(new_id()),
                tenant_id=tenant_id,
                description=draft.description,
                url=draft.url,
                events=events,
                agent_id=agent_id,
                enabled=True,
                disabled_reason=None,
                previous_secret_until=None,
                failing_since=None,
                created_at=now,
                updated_at=now,
            )
            made.append(new_secret())
            detail = {"url": webhook.url, "events": list(webhook.events)}
            entry = NewAuditEntry(tenant_id, actor, "webhook.created", f"webhook:{webhook.id}", detail)
            await uow.audit.append(entry)
            return await uow.webhooks.add(webhook, secret=made[-1])

        answer = await create_once(self.store, tenant_id, once, make)
        return answer, made[-1] if made else None


async def check_url(sender: WebhookSender | None, url: str) -> None:
    """Raise InvalidInputError for an address that may not be reached, UnavailableError in a process without sender."""
    if sender is None:
        raise UnavailableError("webhooks", "this process cannot check addresses")
    await sender.check(url)
