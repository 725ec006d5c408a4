"""A circuit breaker for one endpoint (M. Nygard, Release It!, 2nd ed., 2018, chapter 5), for streamed requests.

An answer that streams is known to be alive at its first event, long before it ends; so a circuit closes there, while
its row of failures is broken only by an answer that came to its end.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

CircuitState = Literal["closed", "open", "half_open"]


@dataclass(frozen=True, slots=True)
class CircuitRules:
    """When a circuit opens, and for how long.

    `failures` in a row open it for `open_s`, doubled each time that a probe fails, up to `max_open_s`; each time up to
    half as much again is added by chance, so that processes do not probe together.
    """

    failures: int = 3
    open_s: float = 2.0
    max_open_s: float = 15.0


@dataclass(frozen=True, slots=True)
class Ticket:
    """Leave to send one request; outcomes under a ticket from before the last change are not counted."""

    epoch: int
    probe: bool


class Circuit:
    """Closed: requests pass. Open: none does. Half-open: a single one, the probe, is under way.

    `alive_at` is when the endpoint last answered. Belongs to one event loop; no method waits. `clock` counts seconds,
    `wall` tells the time, `jitter` gives a number in [0, 1), `on_change` is told after each change of the state.
    """

    def __init__(
        self,
        rules: CircuitRules,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        jitter: Callable[[], float] = random.random,
        on_change: Callable[["Circuit"], None] = lambda _circuit: None,
    ) -> None:
        self._rules = rules
        self._clock = clock
        self._wall = wall
        self._jitter = jitter
        self._on_change = on_change
        self._epoch = 0
        self._openings = 0
        self._probe_at = 0.0
        self.state: CircuitState = "closed"
        self.since: datetime = wall()
        self.alive_at: datetime | None = None
        self.failures = 0
        self.last_error = ""

    def enter(self) -> Ticket | None:
        """Leave for one request, or None; where the time of an open circuit is over, the request is its probe."""
        if self.state == "closed":
            return Ticket(self._epoch, probe=False)
        if self.state == "half_open" or self._clock() < self._probe_at:
            return None
        self._change("half_open")
        return Ticket(self._epoch, probe=True)

    @property
    def probe_at(self) -> float:
        """When it may be probed, or was to be, on its own clock; the later, the more lately it has failed."""
        return self._probe_at

    def retry_in_s(self) -> float:
        """Seconds until a request may pass; while a probe is under way, what is usual until its first event."""
        if self.state == "closed":
            return 0.0
        return self._rules.open_s if self.state == "half_open" else max(self._probe_at - self._clock(), 0.0)

    def alive(self, ticket: Ticket) -> None:
        """The endpoint has begun to answer, or has refused the request for what it is."""
        self.alive_at = self._wall()
        if ticket.epoch == self._epoch and self.state == "half_open":
            self.failures = 0
            self._change("closed")

    def succeed(self, ticket: Ticket) -> None:
        """An answer came to its end."""
        self.alive(ticket)
        if self.state == "closed":
            self.failures = self._openings = 0
            self.last_error = ""

    def fail(self, ticket: Ticket, error: str) -> None:
        """No connection, no answer in time, a lost stream or a 5xx.

        A probe counts too that had closed the circuit by its first event, and then broke off.
        """
        closed_it = ticket.probe and self.state == "closed" and ticket.epoch == self._epoch - 1
        if ticket.epoch != self._epoch and not closed_it:
            return
        self.last_error = error
        self.failures += 1
        if self.state == "half_open" or self.failures >= self._rules.failures:
            length_s = min(self._rules.open_s * 2.0 ** min(self._openings, 16), self._rules.max_open_s)
            self._openings += 1
            self._probe_at = self._clock() + length_s * (1 + self._jitter() / 2)
            self._change("open")

    def abandon(self, ticket: Ticket) -> None:
        """The request was cut off by its sender: it says nothing, and a probe is left to the next request."""
        if ticket.probe and ticket.epoch == self._epoch and self.state == "half_open":
            self._probe_at = self._clock()
            self._change("open")

    def _change(self, state: CircuitState) -> None:
        # An endpoint is down until a probe has passed: a half-open circuit keeps the time of its opening.
        if "closed" in {state, self.state}:
            self.since = self._wall()
        self.state = state
        self._epoch += 1
        self._on_change(self)
