"""A tenant's share of the workers, as sent and received."""

from pydantic import ConfigDict, Field

from hortus_server.api.schemas.wire import Body, View

_MOST = 1_000_000


class AdmissionWrite(Body):
    """All of it; what is left out is the default."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"weight": 3, "max_concurrent_runs": 20}]})

    weight: int = Field(default=1, ge=1, le=1000, description="share of the workers where tenants compete")
    max_concurrent_runs: int | None = Field(default=None, ge=1, le=_MOST, description="runs under way; null: no limit")
    max_queued_runs: int | None = Field(
        default=None, ge=1, le=_MOST, description="queued runs before new ones get 429; null: HORTUS_API_QUEUE_DEPTH"
    )


class AdmissionView(View):
    """Weight and limits in force, and what they bound; counts stop at 10,000."""

    weight: int
    max_concurrent_runs: int | None
    max_queued_runs: int | None
    running: int
    queued: int
