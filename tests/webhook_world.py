"""Webhooks over a real store, sent to real endpoints on 127.0.0.1, with a clock that stands until it is moved."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from aiohttp import web
from schedule_world import Clock
from store_world import World, new, said

from hortus_server.adapters.webhook_sender import HttpWebhookSender
from hortus_server.domain.ids import DeliveryId, WebhookId, new_id
from hortus_server.domain.webhooks import Attempt, Delivery, RetryPolicy, Webhook, new_secret
from hortus_server.services.deliver_webhooks import DeliverWebhooks, SendBounds

POLICY = RetryPolicy(
    delays=(timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2)), disable_after=timedelta(days=5)
)


@dataclass(frozen=True, slots=True)
class Message:
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """An application's endpoint; `status` is what it answers, after `pause_s`."""

    port: int = 0
    status: int = 200
    pause_s: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    got: list[Message] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    def url(self, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}/hook"

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.got.append(Message({name.lower(): value for name, value in request.headers.items()}, body))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(self.pause_s)
        self.at_once -= 1
        return web.Response(status=self.status, text=f"says {self.status}", headers=self.headers)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.port = runner.addresses[0][1]
    try:
        yield receiver
    finally:
        await runner.cleanup()


@dataclass(frozen=True)
class Outbox:
    """One tenant's webhooks, and processes that send."""

    world: World
    sender: HttpWebhookSender
    # Deliveries are due by the database's clock, so this one starts later than any test takes to owe its last.
    clock: Clock = field(default_factory=lambda: Clock(datetime.now(UTC) + timedelta(minutes=2)))

    def process(self, **bounds: int) -> DeliverWebhooks:
        return DeliverWebhooks(
            self.world.store, self.sender, POLICY, SendBounds(**bounds), now=self.clock, chance=lambda: 0.5
        )

    async def add(self, url: str, **changes: Any) -> tuple[Webhook, str]:
        now = self.clock()
        webhook = Webhook(
            **{
                "id": WebhookId(new_id()), "tenant_id": self.world.tenant_id, "description": "", "url": url,
                "events": ("message.*",), "agent_id": None, "enabled": True, "disabled_reason": None,
                "previous_secret_until": None, "failing_since": None, "created_at": now, "updated_at": now, **changes,
            }
        )  # fmt: skip
        secret = new_secret()
        async with self.world.store.system_transaction() as uow:
            return await uow.webhooks.add(webhook, secret=secret), secret

    async def say(self, count: int = 1) -> None:
        async with self.world.store.system_transaction() as uow:
            await uow.events.append(
                self.world.tenant_id, self.world.session.id, new(*(said(str(uuid4())) for _ in range(count)))
            )

    async def webhook(self, webhook: Webhook) -> Webhook:
        async with self.world.store.system_transaction() as uow:
            return await uow.webhooks.get(webhook.tenant_id, webhook.id)

    async def deliveries(self, webhook: Webhook) -> list[Delivery]:
        """In the order of their events."""
        async with self.world.store.system_transaction() as uow:
            page = await uow.deliveries.list(webhook.tenant_id, webhook.id, Everything())
        return sorted(page.items, key=lambda delivery: delivery.seq)

    async def attempts(self, delivery_id: DeliveryId) -> tuple[Attempt, ...]:
        async with self.world.store.system_transaction() as uow:
            return await uow.deliveries.attempts(self.world.tenant_id, delivery_id)


@dataclass(frozen=True)
class Everything:
    limit: int = 200
    cursor: str | None = None
