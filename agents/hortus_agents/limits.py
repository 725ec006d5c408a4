"""Bounds of one run, and where it stands within them."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Literal, NamedTuple

from pydantic import Field

from hortus_agents.messages import Frozen, Usage

LimitName = Literal[
    "steps", "model_calls", "tool_calls", "tokens", "wall_s", "cost_micros", "tokens_per_day", "cost_micros_per_day"
]
"""Those of a run, and the two of its tenant's day."""

WARN_AT = 0.8  # share of a limit that is used up


class TokenPrice(Frozen):
    """What a model's tokens cost: units of money per million tokens, in whatever currency the operator keeps."""

    prompt: Decimal = Field(default=Decimal(0), ge=0, description="per million prompt tokens")
    completion: Decimal = Field(default=Decimal(0), ge=0, description="per million completion tokens")
    cached: Decimal | None = Field(
        default=None, ge=0, description="per million prompt tokens that the prefix cache served; none costs as prompt"
    )

    def cost_micros(self, usage: Usage) -> int:
        """Millionths of a unit, rounded up: a price per million tokens is millionths per token."""
        cached = min(usage.cached_tokens, usage.prompt_tokens)
        cost = (usage.prompt_tokens - cached) * self.prompt + usage.completion_tokens * self.completion
        cost += cached * (self.prompt if self.cached is None else self.cached)
        return int(cost.to_integral_value(ROUND_CEILING))


FREE = TokenPrice()


class RunLimits(Frozen):
    """Hard bounds; a request may lower an agent's, never raise them."""

    steps: int = Field(default=16, ge=1, le=10_000)
    model_calls: int = Field(default=64, ge=1, le=100_000)
    tool_calls: int = Field(default=64, ge=0, le=100_000)
    tokens: int = Field(default=200_000, ge=1, le=10**15)
    wall_s: float = Field(default=900.0, gt=0, le=7 * 86_400, description="seconds from start to end")
    completion_tokens: int = Field(default=1_024, ge=16, le=131_072, description="tokens of one model answer")
    cost_micros: int | None = Field(
        default=None, ge=1, le=10**15, description="millionths of a unit of money, by the server's price table"
    )

    def lowered_by(self, other: "RunLimits") -> "RunLimits":
        """The stricter of both in every dimension."""
        bounds = {name: (getattr(self, name), getattr(other, name)) for name in RunLimits.model_fields}
        return RunLimits(
            **{name: min((bound for bound in pair if bound is not None), default=None) for name, pair in bounds.items()}
        )


class LimitUse(NamedTuple):
    """How much of a limit is used, both in the limit's own unit."""

    limit: LimitName
    used: float
    bound: float


class Spent(Frozen):
    """What a run has used so far; folded from its events."""

    steps: int = 0
    model_calls: int = 0
    tool_calls: int = 0
    tokens: int = 0
    cost_micros: int = 0

    def exhausted(self, limits: RunLimits) -> LimitName | None:
        """Name of the first limit at which no further step may start, or None."""
        if self.steps >= limits.steps:
            return "steps"
        if self.model_calls >= limits.model_calls:
            return "model_calls"
        if self.tokens >= limits.tokens:
            return "tokens"
        if limits.cost_micros is not None and self.cost_micros >= limits.cost_micros:
            return "cost_micros"
        if limits.tool_calls and self.tool_calls > limits.tool_calls:
            return "tool_calls"
        return None

    def nearing(self, limits: RunLimits, *, elapsed_s: float) -> "tuple[LimitUse, ...]":
        """The limits of which four fifths or more are used up after `elapsed_s` seconds; a bound of 0 has no use."""
        used: dict[LimitName, tuple[float, float | None]] = {
            "steps": (self.steps, limits.steps),
            "model_calls": (self.model_calls, limits.model_calls),
            "tool_calls": (self.tool_calls, limits.tool_calls),
            "tokens": (self.tokens, limits.tokens),
            "wall_s": (elapsed_s, limits.wall_s),
            "cost_micros": (self.cost_micros, limits.cost_micros),
        }
        uses = (LimitUse(limit, so_far, bound) for limit, (so_far, bound) in used.items() if bound)
        return tuple(use for use in uses if use.used >= WARN_AT * use.bound)

    def left(self, limits: RunLimits, *, elapsed_s: float = 0.0) -> "BudgetLeft":
        """What remains of a run's limits after `elapsed_s` seconds."""
        return BudgetLeft(
            steps=max(limits.steps - self.steps, 0),
            model_calls=max(limits.model_calls - self.model_calls, 0),
            tool_calls=max(limits.tool_calls - self.tool_calls, 0),
            tokens=max(limits.tokens - self.tokens, 0),
            wall_s=max(limits.wall_s - elapsed_s, 0.0),
            cost_micros=None if limits.cost_micros is None else max(limits.cost_micros - self.cost_micros, 0),
        )


@dataclass(slots=True)
class DayLeft:
    """What a tenant's day has left for a run and for all others beside it; None is no bound.

    `counted` is what the run had spent, of tokens and of money, when the rest was looked up: that much is taken off
    already. The driver renews it before each step, and the rest of the day while a model writes.
    """

    tokens: int | None = None
    cost_micros: int | None = None
    counted_tokens: int = 0
    counted_cost_micros: int = 0

    def passed(self, tokens: int, cost_micros: int) -> LimitName | None:
        """The bound that a run goes beyond with so much in all."""
        if self.tokens is not None and tokens - self.counted_tokens > self.tokens:
            return "tokens_per_day"
        if self.cost_micros is not None and cost_micros - self.counted_cost_micros > self.cost_micros:
            return "cost_micros_per_day"
        return None

    def exhausted(self, spent: Spent) -> LimitName | None:
        """The bound at which no further model call may start."""
        return self.passed(spent.tokens + 1, spent.cost_micros + 1)


class BudgetLeft(Frozen):
    """What a run may still use; `cost_micros` None means that its cost is not bounded."""

    steps: int
    model_calls: int
    tool_calls: int
    tokens: int
    wall_s: float
    cost_micros: int | None
