"""What an endpoint reports about its load, and the bound on requests that follows from it.

Names are vLLM's ("Production Metrics", 0.32; `gpu_cache_usage_perc` before 0.10) and those of llama.cpp's server, which
reports only where it was started with `--metrics`.
"""

import math
from dataclasses import dataclass
from typing import Final

_RUNNING: Final = ("vllm:num_requests_running", "llamacpp:requests_processing")
_WAITING: Final = ("vllm:num_requests_waiting", "llamacpp:requests_deferred")
_CACHE: Final = ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc", "llamacpp:kv_cache_usage_ratio")

FULL_CACHE: Final = 0.95  # share of the KV cache above which vLLM soon preempts
QUEUE_SHARE: Final = 0.1  # waiting requests, as a share of the running ones, that are no more than arrivals
FEWEST: Final = 2  # so that one slow request never stops all others
SHRINK: Final = 0.75
GROW: Final = 0.1
IN_USE: Final = 0.8  # share of a limit that is in use before it grows


@dataclass(frozen=True, slots=True)
class LoadReading:
    """One look: requests of all clients together; `cache` is the share of the KV cache in use, None where not told."""

    running: float
    waiting: float
    cache: float | None = None

    @property
    def saturated(self) -> bool:
        """Another request would wait, or push one out. Waiting ones beside none that runs have just arrived."""
        queued = self.running > 0 and self.waiting > max(1.0, QUEUE_SHARE * self.running)
        return queued or (self.cache is not None and self.cache >= FULL_CACHE)


def parse_load(text: str) -> LoadReading | None:
    """The reading in a Prometheus exposition, summed over engines; None where it has no metric that we know."""
    found: dict[str, list[float]] = {}
    for line in text.splitlines():
        if not line.startswith(("vllm:", "llamacpp:")):
            continue
        series, _, value = line.rpartition(" ")
        name = series.partition("{")[0].strip()
        if name in _RUNNING or name in _WAITING or name in _CACHE:
            number = _number(value)
            if number is not None:
                found.setdefault(name, []).append(number)
    running = _first(found, _RUNNING)
    if running is None:
        return None
    cache = _first(found, _CACHE)
    return LoadReading(sum(running), sum(_first(found, _WAITING) or ()), None if cache is None else max(cache))


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _first(found: dict[str, list[float]], names: tuple[str, ...]) -> list[float] | None:
    return next((found[name] for name in names if name in found), None)


def lower_limit(limit: int, *, taken: int) -> int:
    """The bound at saturation: below what is under way, once, until that much has ended."""
    if taken > limit:
        return limit
    return max(FEWEST, math.floor(min(limit, max(taken, 1)) * SHRINK))


def next_limit(limit: int, *, taken: int, reading: LoadReading, most: int) -> int:
    """The bound after one look: additive growth while it is in use, multiplicative decrease at saturation.

    That rule lets processes that do not know of each other share an endpoint about evenly (Chiu and Jain, "Analysis of
    the increase and decrease algorithms for congestion avoidance", 1989).
    """
    if reading.saturated:
        return lower_limit(limit, taken=taken)
    if taken >= IN_USE * limit:
        return min(most, limit + max(1, math.ceil(limit * GROW)))
    return limit
