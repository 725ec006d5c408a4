"""Keys, workers, health and the overview, as sent and received."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from hortus_server.api.schemas.wire import Body, View
from hortus_server.domain.keys import ApiKey, Scope
from hortus_server.domain.records import RunStatus


class KeyCreate(Body):
    """A credential for an application; `admin` includes every other scope."""

    name: str = Field(min_length=1, max_length=100, examples=["billing service"])
    scopes: tuple[Scope, ...] = Field(min_length=1, max_length=50, examples=[["runs:read", "runs:write"]])
    expires_at: AwareDatetime | None = Field(default=None, description="null: it does not expire")


class KeyView(View):
    """A key without its secret."""

    id: UUID
    name: str
    prefix: str = Field(description="first characters of the secret, to tell keys apart")
    scopes: tuple[Scope, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    made_by: str = Field(description="who made it; empty: the system, or before that was noted")
    rotated_at: datetime | None
    previous_until: datetime | None = Field(description="until when the secret before the rotation works")


def key_json(key: ApiKey) -> dict[str, Any]:
    """A key as it is sent, and as it may be stored."""
    return KeyView.model_validate(key).model_dump(mode="json")


class IssuedKeyView(KeyView):
    """A new key. The secret is shown once: an idempotent repetition has null in its place."""

    secret: str | None = Field(examples=["hk_..."])


class KeyRotate(Body):
    """Another secret for the same key."""

    grace_s: int = Field(default=86_400, ge=0, le=30 * 86_400, description="seconds that the old secret still works")


class KeysView(View):
    """All keys of the tenant, newest first."""

    items: tuple[KeyView, ...]


class WorkerView(View):
    """One worker process, as it answered just now."""

    id: str
    hostname: str
    pid: int
    state: Literal["running", "draining"]
    queues: tuple[str, ...]
    concurrency: int
    active: int
    seen_at: datetime


class WorkersView(View):
    """Workers that answered, by id."""

    items: tuple[WorkerView, ...]


class ComponentView(View):
    """One component; only `required` ones decide whether this process is ready."""

    component: str
    state: Literal["ok", "down"]
    required: bool
    detail: str
    latency_ms: float


class ReadinessView(View):
    """`ready`; `degraded` while a component is missing that requests can do without; or `unavailable`."""

    state: Literal["ready", "degraded", "unavailable"]
    components: tuple[ComponentView, ...]


class OverviewView(View):
    """A tenant's counts. Finished runs and tokens are those of the last hour."""

    runs_by_status: dict[RunStatus, int]
    queue_depth: int
    tokens_last_hour: int
    cost_micros_last_hour: int = Field(description="millionths of the price table's unit of money")
    recovered_last_hour: int = Field(description="ended runs that were taken over from a lost worker, or resumed")
    agents: int
    sessions: int
    tools_active: int
    memories: int
    readiness: ReadinessView


class HealthView(View):
    """The process answers; it says nothing about its components."""

    status: Literal["ok"]
    version: str
