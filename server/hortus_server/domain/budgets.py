"""Budgets beyond one run: of a tenant's day and of a session. No clock and no I/O in here."""

from dataclasses import dataclass, field

from hortus_agents.limits import LimitName, RunLimits
from hortus_server.domain.errors import ConflictError, LimitExceededError


@dataclass(frozen=True, slots=True)
class TenantBudget:
    """What a tenant may use; None is no bound. A day is one of UTC, cost is in millionths of a unit of money."""

    tokens_per_day: int | None = None
    cost_micros_per_day: int | None = None
    tokens_per_session: int | None = None
    cost_micros_per_session: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What was used; `runs` have ended. Of the day it holds the finished model calls of runs under way."""

    runs: int = 0
    tokens: int = 0
    cost_micros: int = 0


@dataclass(frozen=True, slots=True)
class Allowance:
    """A tenant's budget beside what is used of it; `day_left_s` are the seconds until the day begins anew.

    `run` is what one run under way has used and the day has counted, 0 where none is asked about.
    """

    budget: TenantBudget = TenantBudget()
    today: Usage = field(default_factory=Usage)
    session: Usage = field(default_factory=Usage)
    run: Usage = field(default_factory=Usage)
    day_left_s: float = 0.0

    def left_today(self) -> tuple[int | None, int | None]:
        """Tokens and cost that the day has left; None is not bounded."""
        budget = self.budget
        return (
            _left(budget.tokens_per_day, self.today.tokens),
            _left(budget.cost_micros_per_day, self.today.cost_micros),
        )

    def spent_today(self) -> LimitName | None:
        """The bound of the day that is used up."""
        budget = self.budget
        if budget.tokens_per_day is not None and self.today.tokens >= budget.tokens_per_day:
            return "tokens_per_day"
        if budget.cost_micros_per_day is not None and self.today.cost_micros >= budget.cost_micros_per_day:
            return "cost_micros_per_day"
        return None

    def lower(self, limits: RunLimits) -> RunLimits:
        """The limits of a run that begins now: no more than what is left of the day and of its session.

        Raises LimitExceededError when the day's budget is gone, ConflictError when the session's is.
        """
        budget = self.budget
        gone = self.spent_today()
        if gone is not None:
            bound = budget.tokens_per_day if gone == "tokens_per_day" else budget.cost_micros_per_day
            raise LimitExceededError(
                f"the tenant's budget for today is used up ({gone})", limit=bound or 0, retry_after_s=self.day_left_s
            )
        held = self.hold(limits)
        if held.tokens == 0 or held.cost_micros == 0:
            raise ConflictError("the session's budget is used up; go on in a new session")
        return held

    def hold(self, limits: RunLimits) -> RunLimits:
        """No more than what is left beside what the run has used of it; 0 where that is nothing: no step may start."""
        budget = self.budget
        day_tokens, day_cost = self.left_today()
        tokens = _least(
            None if day_tokens is None else day_tokens + self.run.tokens,
            _left(budget.tokens_per_session, self.session.tokens),
            limits.tokens,
        )
        cost = _least(
            None if day_cost is None else day_cost + self.run.cost_micros,
            _left(budget.cost_micros_per_session, self.session.cost_micros),
            limits.cost_micros,
        )
        return limits.model_copy(update={"tokens": tokens, "cost_micros": cost})


def _left(bound: int | None, used: int) -> int | None:
    return None if bound is None else max(bound - used, 0)


def _least(*bounds: int | None) -> int | None:
    return min((bound for bound in bounds if bound is not None), default=None)
