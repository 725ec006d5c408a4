import pytest

from hortus_agents.limits import RunLimits
from hortus_server.domain.budgets import Allowance, TenantBudget, Usage
from hortus_server.domain.errors import ConflictError, LimitExceededError

LIMITS = RunLimits(tokens=1_000)


def test_without_a_budget_the_limits_stay_as_they_are() -> None:
    assert Allowance(today=Usage(tokens=10**12)).lower(LIMITS) == LIMITS


@pytest.mark.parametrize(
    ("budget", "tokens", "cost"),
    [
        (TenantBudget(tokens_per_day=500), 400, None),
        (TenantBudget(tokens_per_day=500, tokens_per_session=150), 120, None),
        (TenantBudget(tokens_per_day=10**9), 1_000, None),
        (TenantBudget(cost_micros_per_day=50, cost_micros_per_session=80), 1_000, 43),
    ],
)
def test_a_run_may_use_no_more_than_what_is_left(budget: TenantBudget, tokens: int, cost: int | None) -> None:
    allowance = Allowance(budget, today=Usage(1, 100, 7), session=Usage(tokens=30, cost_micros=2))
    lowered = allowance.lower(LIMITS)
    assert (lowered.tokens, lowered.cost_micros) == (tokens, cost)
    assert lowered.steps == LIMITS.steps


def test_a_spent_day_says_when_to_come_back() -> None:
    allowance = Allowance(TenantBudget(cost_micros_per_day=7), today=Usage(1, 100, 7), day_left_s=90.0)
    assert allowance.spent_today() == "cost_micros_per_day"
    with pytest.raises(LimitExceededError) as caught:
        allowance.lower(LIMITS)
    assert (caught.value.limit, caught.value.retry_after_s) == (7, 90.0)


def test_a_spent_session_is_a_conflict() -> None:
    with pytest.raises(ConflictError):
        Allowance(TenantBudget(tokens_per_session=30), session=Usage(tokens=31)).lower(LIMITS)
