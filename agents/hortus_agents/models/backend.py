"""One address that answers model requests: its circuit, its slots, what it reports."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from urllib.parse import urlsplit, urlunsplit

import aiohttp
from pydantic import SecretStr

from hortus_agents.errors import ModelError, ModelTimeoutError, ModelUnavailableError
from hortus_agents.models.circuit import Circuit, CircuitState, Ticket
from hortus_agents.models.load import LoadReading, lower_limit, next_limit, parse_load
from hortus_agents.models.slots import RequestSlots

_METRICS_TIMEOUT_S = 2.0
_METRICS_BYTES = 4 * 1024 * 1024
_SILENT_S = 60.0  # an endpoint that reported nothing is asked again after this time
_OVERLOADED_S = 1.0  # what a 429 without a Retry-After stands for
_LONGEST_S = 300.0  # no endpoint may shut itself out for longer


@dataclass(frozen=True, slots=True)
class BackendBounds:
    """How many requests of this process one address gets.

    `concurrency` holds where it reports no load, and is where it begins; up to `max_concurrency` where it does.
    `waiters` requests may wait for a slot, each `queue_s` seconds at most. `metrics_url` None asks nothing.
    """

    concurrency: int = 128
    max_concurrency: int = 512
    waiters: int = 1_024
    queue_s: float = 60.0
    metrics_url: str | None = None


@dataclass(frozen=True, slots=True)
class BackendStatus:
    """How an address does, as this process sees it.

    `url` is without credentials, `since` when it came up or went down, `alive_at` when it last answered. `load` is what
    it reported last, None where it reports nothing. `answered`, `failed`, `refused` count requests: those that came to
    their end, those that count against the circuit, and those sent away because it was full.
    """

    url: str
    state: CircuitState
    since: datetime
    alive_at: datetime | None
    last_error: str
    in_flight: int
    limit: int
    waiting: int
    load: LoadReading | None
    answered: int
    failed: int
    refused: int


class Backend:
    """Shared by all models that one address serves; belongs to one event loop. `clock` counts seconds."""

    def __init__(
        self, url: str, bounds: BackendBounds, circuit: Circuit, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.url = url
        self.bounds = bounds
        self.circuit = circuit
        self.slots = RequestSlots(bounds.concurrency, waiters=bounds.waiters)
        self.load: LoadReading | None = None
        self._clock = clock
        self._overloaded_until = 0.0
        self._ask_at = 0.0
        self._streams = 0
        self._answered = self._failed = self._refused = 0

    @property
    def shown_url(self) -> str:
        """The address without user and password."""
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

    def overloaded_for_s(self) -> float:
        """Seconds for which the endpoint has asked for no more requests."""
        return max(self._overloaded_until - self._clock(), 0.0)

    def retry_in_s(self) -> float:
        """Seconds until a request may be sent, slots aside; 0 is now."""
        return max(self.circuit.retry_in_s(), self.overloaded_for_s())

    def note_begun(self, ticket: Ticket) -> None:
        """An answer began to stream; `note_over` follows, whatever comes of it."""
        self._streams += 1
        self.circuit.alive(ticket)

    def note_over(self) -> None:
        """An answer that had begun streams no more."""
        self._streams -= 1

    def note_answer(self, ticket: Ticket) -> None:
        """An answer came to its end."""
        self._answered += 1
        self.circuit.succeed(ticket)

    def note_error(self, ticket: Ticket, error: ModelError) -> None:
        """What an error means for this address.

        A timeout, a lost connection and a 5xx count against it. A 429 is saturation, and so is a 503 that names a time
        or comes while other answers stream: vLLM refuses so beyond `--max-num-queued-reqs`. Everything else is about
        the request, and shows that the endpoint lives.
        """
        if isinstance(error, ModelUnavailableError) and self._is_full(error):
            asked_s = _OVERLOADED_S if error.retry_after_s is None else error.retry_after_s
            self._refused += 1
            self._overloaded_until = self._clock() + min(asked_s, _LONGEST_S)
            if self.load is not None:  # whose looks let it grow again
                self.slots.resize(lower_limit(self.slots.limit, taken=self.slots.taken))
            self.circuit.alive(ticket)
        elif isinstance(error, ModelUnavailableError | ModelTimeoutError):
            self._failed += 1
            self.circuit.fail(ticket, str(error)[:300])
        else:
            self.circuit.alive(ticket)

    def _is_full(self, error: ModelUnavailableError) -> bool:
        if error.status == HTTPStatus.SERVICE_UNAVAILABLE:
            return error.retry_after_s is not None or self._streams > 0
        return error.status == HTTPStatus.TOO_MANY_REQUESTS

    async def look(self, session: aiohttp.ClientSession, api_key: SecretStr | None) -> None:
        """Read the endpoint's metrics and set the bound by them; never raises for one that does not answer."""
        url = self.bounds.metrics_url
        if url is None or self._clock() < self._ask_at:
            return
        reading = parse_load(await _fetch(session, url, api_key))
        if reading is not None:
            limit = next_limit(
                self.slots.limit, taken=self.slots.taken, reading=reading, most=self.bounds.max_concurrency
            )
            self.slots.resize(limit)
        elif self.load is not None:
            self.slots.resize(self.bounds.concurrency)
        else:
            self._ask_at = self._clock() + _SILENT_S
        self.load = reading

    def status(self) -> BackendStatus:
        """A copy of what is known now."""
        return BackendStatus(
            url=self.shown_url,
            state=self.circuit.state,
            since=self.circuit.since,
            alive_at=self.circuit.alive_at,
            last_error=self.circuit.last_error,
            in_flight=self.slots.taken,
            limit=self.slots.limit,
            waiting=self.slots.waiting,
            load=self.load,
            answered=self._answered,
            failed=self._failed,
            refused=self._refused,
        )


async def _fetch(session: aiohttp.ClientSession, url: str, api_key: SecretStr | None) -> str:
    headers = {} if api_key is None else {"Authorization": f"Bearer {api_key.get_secret_value()}"}
    try:
        async with (
            asyncio.timeout(_METRICS_TIMEOUT_S),
            session.get(url, headers=headers, allow_redirects=False) as response,
        ):
            body = await response.content.read(_METRICS_BYTES) if response.status == HTTPStatus.OK else b""
    except (aiohttp.ClientError, OSError, TimeoutError):
        return ""
    return body.decode("utf-8", "replace")
