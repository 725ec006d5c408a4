"""When a failed model call is made again: at once in the worker, later by parking the run, or not at all."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from hortus_agents.errors import ModelError, ModelTimeoutError, ModelUnavailableError
from hortus_agents.loop.state import RunState

ATTEMPTS = 3
BACKOFF_S = 0.5  # doubled per attempt, plus up to as much again by chance
MAX_BACKOFF_S = 15.0
MAX_ASKED_S = 30.0


@dataclass(frozen=True, slots=True)
class RetryRules:
    """How patient a run is with its model.

    The first `attempts` are made by the worker that has the run, after pauses of `hold_s` at most; for longer ones the
    run is parked, so that it costs no worker. What the endpoint answers wrongly is asked for `attempts` times, an
    endpoint that does not answer for `patience_s` seconds, within the run's wall limit.
    """

    attempts: int = ATTEMPTS
    hold_s: float = 2.0
    patience_s: float = 600.0


@dataclass(frozen=True, slots=True)
class Again:
    """Try again after a pause; with `due_at` the run is parked until then."""

    pause_s: float
    due_at: datetime | None = None


def decide_retry(
    error: ModelError, state: RunState, rules: RetryRules, *, now: datetime, jitter: float, wall_left_s: float
) -> Again | None:
    """What follows a failed call that `state` does not count yet; None ends the run.

    `jitter` is in [0, 1). The last pause ends with the patience, so that all of it is used.
    """
    if not error.retryable:
        return None
    attempt = state.failures + 1
    pause_s = backoff_s(error, attempt=attempt, jitter=jitter)
    if not outage(error):
        return Again(pause_s) if attempt < rules.attempts else None
    patience_s = rules.patience_s - (now - (state.failing_since or now)).total_seconds()
    if patience_s <= 0:
        return None
    pause_s = max(min(pause_s, patience_s, wall_left_s), 0.0)
    if attempt < rules.attempts and pause_s <= rules.hold_s:
        return Again(pause_s)
    return Again(pause_s, due_at=now + timedelta(seconds=pause_s))


def outage(error: ModelError) -> bool:
    """Whether the endpoint is the matter and not what it wrote: waiting helps, and what it wrote can be kept."""
    return isinstance(error, ModelUnavailableError | ModelTimeoutError)


def backoff_s(error: ModelError, *, attempt: int, jitter: float) -> float:
    """Seconds to wait after failed attempt number `attempt` (1 is the first); what the endpoint asked for counts.

    Where no request was sent, since every endpoint's circuit was open, the time until the next probe is all.
    """
    own_s = min(BACKOFF_S * float(2 ** min(attempt - 1, 10)) * (1 + jitter), MAX_BACKOFF_S)
    asked_s = error.retry_after_s if isinstance(error, ModelUnavailableError) else None
    if asked_s is None:
        return own_s
    asked_s *= 1 + jitter / 10  # those who were told the same time do not all come at once
    sent = isinstance(error, ModelUnavailableError) and error.status is not None
    return min(max(asked_s, own_s if sent else BACKOFF_S), MAX_ASKED_S)
