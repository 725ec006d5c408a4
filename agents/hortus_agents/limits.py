"""Bounds of one run, and where it stands within them."""

from typing import Literal

from pydantic import Field

from hortus_agents.messages import Frozen

LimitName = Literal["steps", "model_calls", "tool_calls", "tokens", "wall_s"]


class RunLimits(Frozen):
    """Hard bounds; a request may lower an agent's, never raise them."""

    steps: int = Field(default=16, ge=1, le=10_000)
    model_calls: int = Field(default=64, ge=1, le=100_000)
    tool_calls: int = Field(default=64, ge=0, le=100_000)
    tokens: int = Field(default=200_000, ge=1)
    wall_s: float = Field(default=900.0, gt=0, le=7 * 86_400, description="seconds from start to end")
    completion_tokens: int = Field(default=1_024, ge=16, le=131_072, description="tokens of one model answer")

    def lowered_by(self, other: "RunLimits") -> "RunLimits":
        """The stricter of both in every dimension."""
        return RunLimits(**{name: min(getattr(self, name), getattr(other, name)) for name in RunLimits.model_fields})


class Spent(Frozen):
    """What a run has used so far; folded from its events."""

    steps: int = 0
    model_calls: int = 0
    tool_calls: int = 0
    tokens: int = 0

    def exhausted(self, limits: RunLimits) -> LimitName | None:
        """Name of the first limit at which no further step may start, or None."""
        if self.steps >= limits.steps:
            return "steps"
        if self.model_calls >= limits.model_calls:
            return "model_calls"
        if self.tokens >= limits.tokens:
            return "tokens"
        if limits.tool_calls and self.tool_calls > limits.tool_calls:
            return "tool_calls"
        return None
