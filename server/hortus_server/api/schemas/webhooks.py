"""Webhooks and their deliveries, as sent and received."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ConfigDict, Field, field_validator

from hortus_server.api.schemas.wire import Body, PageView, View, agent_of
from hortus_server.domain.webhooks import DeliveryState, Webhook

URL = Field(min_length=8, max_length=2000, description="http or https, to a public address")
EVENTS = Field(min_length=1, max_length=50, description="types (`run.succeeded`), families (`run.*`) or `*`")
AGENT = Field(default=None, min_length=1, max_length=200, description="id or name: only its sessions; null: all")


class WebhookCreate(Body):
    """An endpoint that is told of events."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"url": "https://example.org/hooks/hortus", "events": ["run.*"]}]}
    )

    url: str = URL
    events: tuple[str, ...] = EVENTS
    agent: str | None = AGENT
    description: str = Field(default="", max_length=500)


class WebhookPatch(Body):
    """What to change; fields that are left out stay as they are."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"enabled": False}]})

    url: str | None = Field(default=None, min_length=8, max_length=2000)
    events: tuple[str, ...] | None = Field(default=None, min_length=1, max_length=50)
    agent: str | None = AGENT
    description: str | None = Field(default=None, max_length=500)
    enabled: bool | None = None

    @field_validator("url", "events", "description", "enabled")
    @classmethod
    def _not_null(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("must not be null; leave it out to keep it")
        return value

    def changes(self) -> dict[str, Any]:
        """The fields that were given, as the service takes them."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        if given.get("agent"):
            given["agent"] = agent_of(given["agent"])
        return given


class SecretRotate(Body):
    """How long the secret before stays valid beside the new one."""

    overlap_s: int = Field(default=86_400, ge=0, le=30 * 86_400, description="seconds")


class WebhookView(View):
    """An endpoint without its secret."""

    id: UUID
    url: str
    events: tuple[str, ...]
    agent_id: UUID | None
    description: str
    enabled: bool
    disabled_reason: str | None
    previous_secret_until: datetime | None = Field(description="messages carry a second signature until then")
    failing_since: datetime | None = Field(description="null while deliveries arrive")
    created_at: datetime
    updated_at: datetime


def webhook_json(webhook: Webhook) -> dict[str, Any]:
    """A webhook as it is sent, and as it may be stored."""
    return WebhookView.model_validate(webhook).model_dump(mode="json")


class WebhookSecretView(WebhookView):
    """A webhook with its new secret, which is shown once: an idempotent repetition has null in its place."""

    secret: str | None = Field(examples=["whsec_..."])


class WebhookPage(PageView[WebhookView]):
    """Webhooks, newest first."""


class DeliveryView(View):
    """One event owed to a webhook; `id` is the message's `webhook-id`."""

    id: UUID
    webhook_id: UUID
    session_id: UUID
    seq: int
    event_type: str
    state: DeliveryState
    attempts: int
    next_attempt_at: datetime | None
    created_at: datetime
    finished_at: datetime | None
    last_status: int | None
    last_error: str | None


class AttemptView(View):
    """One try; `status` null means that there was no answer."""

    attempt: int
    at: datetime
    latency_ms: float
    status: int | None
    error: str | None
    response_excerpt: str = Field(description="beginning of the endpoint's answer, at most 1,024 bytes")


class DeliveryDetailView(DeliveryView):
    """A delivery with its log."""

    log: tuple[AttemptView, ...]


class DeliveryPage(PageView[DeliveryView]):
    """Deliveries, newest first."""


class ReplayedView(View):
    """How many dead deliveries are due again; call again while it is a thousand."""

    replayed: int
