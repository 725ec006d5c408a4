"""Model endpoints, as sent."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from hortus_server.api.schemas.wire import View
from hortus_server.services.read_endpoints import EndpointView as Endpoint


class SightView(View):
    """How one process finds an endpoint."""

    process_id: str
    at: datetime = Field(description="when it said so")
    circuit: Literal["closed", "open", "half_open"]
    since: datetime = Field(description="when the circuit last opened or closed")
    alive_at: datetime | None = Field(description="when it last answered this process")
    last_error: str
    in_flight: int = Field(description="requests of this process under way")
    limit: int = Field(description="bound on them, by what the endpoint reports where it does")
    waiting: int = Field(description="requests of this process that wait for a slot")
    running: float | None = Field(description="requests of all clients, as the endpoint reports")
    queued: float | None = Field(description="requests that wait there, as the endpoint reports")
    cache: float | None = Field(description="share of its KV cache in use, as the endpoint reports")
    answered: int
    failed: int
    refused: int = Field(description="sent away because the endpoint was full")


class EndpointView(View):
    """`up` where no worker sees it down, `partly` where another had an answer since then, else `down`."""

    url: str
    models: tuple[str, ...]
    state: Literal["up", "partly", "down"]
    down_since: datetime | None
    last_error: str
    processes: tuple[SightView, ...]


class EndpointsView(View):
    """What workers reported within the last fifteen seconds, by address; empty while no worker runs."""

    items: tuple[EndpointView, ...]


def endpoint_json(endpoint: Endpoint) -> dict[str, Any]:
    """An endpoint as it is sent."""
    sights = tuple(
        SightView(
            process_id=sight.process_id,
            at=sight.at,
            circuit=sight.status.state,
            since=sight.status.since,
            alive_at=sight.status.alive_at,
            last_error=sight.status.last_error,
            in_flight=sight.status.in_flight,
            limit=sight.status.limit,
            waiting=sight.status.waiting,
            running=sight.status.running,
            queued=sight.status.queued,
            cache=sight.status.cache,
            answered=sight.status.answered,
            failed=sight.status.failed,
            refused=sight.status.refused,
        )
        for sight in endpoint.sights
    )
    view = EndpointView(
        url=endpoint.url,
        models=endpoint.models,
        state=endpoint.state,
        down_since=endpoint.down_since,
        last_error=endpoint.last_error,
        processes=sights,
    )
    return view.model_dump(mode="json")
