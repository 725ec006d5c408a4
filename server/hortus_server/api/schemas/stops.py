"""Stops, as sent and received."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from hortus_server.api.schemas.wire import Body, View
from hortus_server.domain.stops import OrderKind, OrderScope

Reason = Annotated[str, Field(min_length=1, max_length=500)]


class RunPause(Body):
    """Why; kept in the log."""

    reason: Reason = "paused by the caller"


class RunResume(Body):
    """Why; kept in the log."""

    reason: Reason = "resumed by the caller"


class StopBody(Body):
    """What is to happen to all runs in reach."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"action": "pause", "reason": "pursues the wrong goal"}]})

    action: Literal["cancel", "pause"]
    reason: Reason


class FreezeBody(Body):
    """Why nothing may act any more."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "unexpected mails were sent"}]})

    reason: Reason


class StopOrderView(View):
    """A stop in force until it is lifted, and its record after that."""

    id: UUID
    kind: OrderKind
    scope: OrderScope
    subject_id: UUID = Field(description="the agent, the tenant, or zero for everything")
    reason: str
    placed_by: str = Field(description="name and id of the key")
    placed_at: datetime
    lifted_by: str | None
    lifted_at: datetime | None


class StopInForceView(StopOrderView):
    """A stop in force. One over everything may be another tenant's: then `placed_by` does not say whose key."""

    own: bool = Field(description="whether the caller's tenant placed it, and may lift it")


class StopsView(View):
    """What stops the tenant's runs now, the latest first."""

    items: tuple[StopInForceView, ...]


class LiftedStopsView(View):
    """What stopped the tenant's runs once, the last placed first."""

    items: tuple[StopOrderView, ...]


class StopView(View):
    """What a stop did: the runs that it cancelled, or the order that is in force now."""

    cancelled: int | None = None
    order: StopOrderView | None = None


class FreezeView(View):
    """Whether side effects are frozen."""

    frozen: bool
    order: StopOrderView | None = None
