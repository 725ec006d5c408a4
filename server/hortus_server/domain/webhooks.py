"""Webhooks: what they ask for, how a message is signed, when it is tried again. No clock and no I/O in here.

Messages follow the Standard Webhooks specification (https://www.standardwebhooks.com): the headers `webhook-id`,
`webhook-timestamp` and `webhook-signature`; a signature is `v1,` and the base64 of HMAC-SHA256 over
`{id}.{timestamp}.{body}`, one for each secret that is valid at the time.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal, get_args

from hortus_agents.events import EventPayload
from hortus_server.domain.errors import InvalidInputError
from hortus_server.domain.ids import AgentId, DeliveryId, SessionId, TenantId, WebhookId

DeliveryState = Literal["pending", "sending", "delivered", "dead"]

KEY_MARK: Final = "whsec_"
_SECRET_BYTES: Final = 32

EVENT_TYPES: Final = frozenset(
    str(payload.model_fields["type"].default) for payload in get_args(get_args(EventPayload)[0])
)
EVENT_FILTERS: Final = EVENT_TYPES | {f"{name.split('.')[0]}.*" for name in EVENT_TYPES} | {"*"}
"""What a webhook may ask for: a type, a family (`run.*`), or everything."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """An endpoint of a tenant's application. Its secrets are not in here, so that nothing can show them."""

    id: WebhookId
    tenant_id: TenantId
    description: str
    url: str
    events: tuple[str, ...]
    agent_id: AgentId | None
    enabled: bool
    disabled_reason: str | None
    previous_secret_until: datetime | None
    failing_since: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event owed to one webhook; `id` is its `webhook-id`, the same in every attempt and replay."""

    id: DeliveryId
    tenant_id: TenantId
    webhook_id: WebhookId
    session_id: SessionId
    seq: int
    event_type: str
    state: DeliveryState
    attempts: int
    next_attempt_at: datetime | None
    created_at: datetime
    finished_at: datetime | None
    last_status: int | None
    last_error: str | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try; `status` is None when there was no answer, and `error` says why. `attempt` counts from 1."""

    attempt: int
    at: datetime
    latency_ms: float
    status: int | None
    error: str | None
    response_excerpt: str


@dataclass(frozen=True, slots=True)
class TakenDelivery:
    """A delivery that a sender holds, with what it needs to send it.

    `round_attempts` counts this attempt and those before it since the delivery was made or replayed.
    """

    id: DeliveryId
    tenant_id: TenantId
    webhook_id: WebhookId
    session_id: SessionId
    seq: int
    attempts: int
    round_attempts: int
    url: str
    failing_since: datetime | None
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When a failed delivery is tried again: after each of `delays` in turn, then it is dead.

    `jitter` spreads a delay by up to that share in both directions. An endpoint to which nothing arrived for
    `disable_after` is disabled.
    """

    delays: Sequence[timedelta]
    jitter: float = 0.2
    disable_after: timedelta = timedelta(days=5)

    def delay(self, round_attempts: int, *, chance: float, wished: timedelta | None = None) -> timedelta | None:
        """How long to wait after so many attempts failed; None ends them.

        `chance` in 0..1 places the delay in its spread; a longer wait that the endpoint asked for is granted up to
        the longest delay of the policy.
        """
        if round_attempts > len(self.delays):
            return None
        delay = self.delays[round_attempts - 1] * (1 + self.jitter * (2 * chance - 1))
        return delay if wished is None else max(delay, min(wished, max(self.delays)))


def new_secret() -> str:
    """A fresh secret in the form that receivers' libraries take."""
    return KEY_MARK + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signature_headers(message_id: str, at: datetime, body: bytes, *, keys: Sequence[str]) -> dict[str, str]:
    """The three headers of a message that is sent at `at`, with one signature for each of `keys`."""
    timestamp = str(int(at.timestamp()))
    signed = b".".join([message_id.encode(), timestamp.encode(), body])
    signatures = [
        base64.b64encode(hmac.digest(base64.b64decode(key.removeprefix(KEY_MARK)), signed, hashlib.sha256)).decode()
        for key in keys
    ]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def checked_filters(events: Sequence[str]) -> tuple[str, ...]:
    """The filters, each once. Raises InvalidInputError for one that no event can match."""
    unknown = [name for name in events if name not in EVENT_FILTERS]
    if unknown:
        raise InvalidInputError(
            f"no event is called {', '.join(unknown[:5])}; a filter is a type (run.succeeded), a family (run.*) or *"
        )
    return tuple(dict.fromkeys(events))
