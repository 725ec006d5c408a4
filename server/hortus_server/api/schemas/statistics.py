"""Amounts over time, as sent."""

from datetime import datetime

from pydantic import Field

from hortus_server.api.schemas.wire import View
from hortus_server.ports.statistics import Width


class PeriodView(View):
    """What ended between `at` and the next period's `at`, in UTC; the last one is still going on."""

    at: datetime
    succeeded: int
    failed: int
    cancelled: int
    budget_exhausted: int
    reclaimed: int = Field(description="runs claimed more than once: taken over from a lost worker, or resumed")
    tokens: int
    cost_micros: int = Field(description="millionths of a unit of money")
    took_p50_s: float | None = Field(description="median seconds from first claim to end; null without a run")
    took_p95_s: float | None
    tool_runs: int = Field(description="runs that used an evolved tool")
    tool_uses: int
    tool_failures: int
    tools: int = Field(description="evolved tools that had ever become active by then")


class StatisticsView(View):
    """Equal periods up to now, oldest first, without a hole."""

    width: Width
    items: tuple[PeriodView, ...]
