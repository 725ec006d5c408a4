"""Send what is owed to webhooks: at least once, in no promised order, with retries over days."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import orjson
import structlog

from hortus_agents.events import Event
from hortus_server.domain.errors import HortusError
from hortus_server.domain.webhooks import Attempt, DeliveryState, RetryPolicy, TakenDelivery, signature_headers
from hortus_server.ports.clock import Clock, utc_now
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.ports.webhook_sender import WebhookAnswer, WebhookSender

log = structlog.get_logger()

GONE: Final = 410
LEASE: Final = timedelta(seconds=60)  # longer than a send may take; then another process sends it again
UNREADABLE: Final = "the event is gone, or is of a kind that this version does not know"


@dataclass(frozen=True, slots=True)
class SendBounds:
    """How much is under way at once: in this process, and to one endpoint from all processes.

    `rounds` bounds a look.
    """

    in_flight: int = 64
    per_webhook: int = 8
    rounds: int = 50


@dataclass(slots=True)
class DeliverWebhooks:
    """One look. Safe in any number of processes at once: what one of them holds, the others skip.

    `_sending` counts what this process has under way, over all looks; only its event loop touches it.
    """

    store: Store
    sender: WebhookSender
    policy: RetryPolicy
    bounds: SendBounds = SendBounds()
    now: Clock = utc_now
    chance: Callable[[], float] = random.random
    _sending: int = field(default=0, init=False)

    async def __call__(self) -> int:
        """How many attempts were made. Raises UnavailableError without PostgreSQL; leases make up for the rest."""
        made = 0
        for _ in range(self.bounds.rounds):
            taken = await self._take()
            if not taken:
                break
            try:
                async with asyncio.TaskGroup() as group:
                    for delivery in taken:
                        group.create_task(self._deliver(delivery))
            finally:
                self._sending -= len(taken)
            made += len(taken)
        return made

    async def _take(self) -> Sequence[TakenDelivery]:
        """Hold as many due deliveries as there is room for in this process."""
        room = self.bounds.in_flight - self._sending
        if room <= 0:
            return ()
        self._sending += room  # reserved before the first await, so that two looks do not take the same room
        taken: Sequence[TakenDelivery] = ()
        try:
            async with self.store.system_transaction() as uow:
                taken = await uow.deliveries.take_due(
                    self.now(), lease=LEASE, limit=room, per_webhook=self.bounds.per_webhook
                )
        finally:
            self._sending -= room - len(taken)
        return taken

    async def _deliver(self, taken: TakenDelivery) -> None:
        """Send once and log it. Without PostgreSQL the log is lost: the lease ends and the message is sent again."""
        try:
            body = await self._body(taken)
            if body is None:
                await self._record(taken, Attempt(taken.attempts, self.now(), 0.0, None, UNREADABLE, ""), "dead", None)
            else:
                await self._send(taken, body)
        except HortusError as error:
            log.warning("webhook_attempt_lost", delivery_id=str(taken.id), error=str(error))

    async def _send(self, taken: TakenDelivery, body: bytes) -> None:
        sent_at, began = self.now(), time.perf_counter()
        headers = signature_headers(str(taken.id), sent_at, body, keys=taken.secrets)
        answer = await self.sender.send(taken.url, body, {**headers, "content-type": "application/json"})
        latency_ms = (time.perf_counter() - began) * 1000
        attempt = Attempt(taken.attempts, sent_at, latency_ms, answer.status, answer.error, answer.excerpt)
        await self._record(taken, attempt, *self._outcome(taken, answer), answer=answer)

    async def _record(
        self,
        taken: TakenDelivery,
        attempt: Attempt,
        state: DeliveryState,
        next_attempt_at: datetime | None,
        *,
        answer: WebhookAnswer | None = None,
    ) -> None:
        async with self.store.transaction(taken.tenant_id) as uow:
            if not await uow.deliveries.record(taken, attempt, state=state, next_attempt_at=next_attempt_at):
                log.info("webhook_sent_by_another_too", delivery_id=str(taken.id))
            if answer is not None:
                await self._note(uow, taken, answer)

    async def _body(self, taken: TakenDelivery) -> bytes | None:
        async with self.store.transaction(taken.tenant_id) as uow:
            events = await uow.events.list_after(taken.tenant_id, taken.session_id, after=taken.seq - 1, limit=1)
        if not events or events[0].seq != taken.seq:
            return None
        return message_body(events[0])

    def _outcome(self, taken: TakenDelivery, answer: WebhookAnswer) -> tuple[DeliveryState, datetime | None]:
        if answer.arrived:
            return "delivered", None
        if answer.status == GONE:
            return "dead", None
        delay = self.policy.delay(taken.round_attempts, chance=self.chance(), wished=answer.wait)
        if delay is None:
            return "dead", None
        return "pending", self.now() + delay

    async def _note(self, uow: UnitOfWork, taken: TakenDelivery, answer: WebhookAnswer) -> None:
        """Keep the endpoint's health, and disable it when it is gone or silent for too long."""
        if answer.arrived:
            await uow.webhooks.arrived(taken.webhook_id)
            return
        reason = None
        now = self.now()
        if answer.status == GONE:
            reason = "the endpoint answered 410 Gone"
        elif taken.failing_since is not None and now - taken.failing_since >= self.policy.disable_after:
            reason = f"nothing arrived since {taken.failing_since.isoformat(timespec='seconds')}"
        if reason is not None:
            log.warning("webhook_disabled", webhook_id=str(taken.webhook_id), reason=reason)
        await uow.webhooks.failed(taken.webhook_id, at=now, disable_because=reason)


def message_body(event: Event) -> bytes:
    """The message as the Standard Webhooks specification lays it out; `data` is the event as the API shows it."""
    data = event.model_dump(mode="json")
    return orjson.dumps({"type": event.type, "timestamp": data["at"], "data": data})
