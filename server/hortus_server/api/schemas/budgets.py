"""Budgets of a tenant, as sent and received."""

from pydantic import ConfigDict, Field

from hortus_server.api.schemas.wire import Body, View

_MOST = 2**53


class BudgetWrite(Body):
    """A tenant's whole budget; what is left out or null is not bounded."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"tokens_per_day": 5_000_000, "cost_micros_per_session": 200_000}]}
    )

    tokens_per_day: int | None = Field(default=None, ge=1, le=_MOST)
    cost_micros_per_day: int | None = Field(default=None, ge=1, le=_MOST, description="millionths of a unit of money")
    tokens_per_session: int | None = Field(default=None, ge=1, le=_MOST)
    cost_micros_per_session: int | None = Field(default=None, ge=1, le=_MOST)


class TenantBudgetView(View):
    """The bounds in force; null is none."""

    tokens_per_day: int | None
    cost_micros_per_day: int | None
    tokens_per_session: int | None
    cost_micros_per_session: int | None


class UsageView(View):
    """What runs that ended today have used; days are those of UTC."""

    runs: int
    tokens: int
    cost_micros: int


class SessionBudgetView(View):
    """What a session's ended runs have used, beside the bounds over it; null is not bounded."""

    tokens: int
    cost_micros: int
    tokens_per_session: int | None
    cost_micros_per_session: int | None
    tokens_left_today: int | None = Field(description="of the tenant's day, in UTC")
    cost_micros_left_today: int | None


class BudgetView(View):
    """A tenant's budget and what is used of it."""

    budget: TenantBudgetView
    today: UsageView
    day_left_s: float = Field(description="seconds until the day's budget is whole again")
