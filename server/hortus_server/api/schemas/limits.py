"""Limits of keys and tenants, as sent and received."""

from uuid import UUID

from pydantic import ConfigDict, Field

from hortus_server.api.schemas.wire import Body, View

_MOST = 2**31 - 1


class LimitsWrite(Body):
    """All limits of a key or tenant; what is left out or null is as the server's settings say."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"requests_per_minute": 600, "burst": 50}]})

    requests_per_minute: int | None = Field(default=None, ge=1, le=_MOST)
    burst: int | None = Field(default=None, ge=1, le=_MOST, description="requests that may come at once")
    connections: int | None = Field(
        default=None, ge=1, le=_MOST, description="requests and streams that may be open at once on each API process"
    )


class LimitsView(View):
    """Limits of one's own; null is the server's."""

    requests_per_minute: int | None
    burst: int | None
    connections: int | None


class RateView(View):
    """The limits in force."""

    per_minute: int
    burst: int
    connections: int


class BoundView(View):
    """Limits of one's own beside those in force."""

    own: LimitsView
    in_force: RateView


class KeyBoundView(BoundView):
    """A key's limits; a user who signed in has those of a key without any."""

    key_id: UUID


class TenantBoundsView(View):
    """The tenant's limits, those of a key without its own, and those of the keys that have some."""

    tenant: BoundView
    default_key: RateView
    keys: tuple[KeyBoundView, ...]
    most_per_minute: int = Field(description="the highest rate that can be given")
    may_change_tenant: bool = Field(description="whether the caller runs the installation, and so may")
