"""How the components are, seen from this process."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from hortus_server.domain.errors import HortusError
from hortus_server.ports.probes import Probe
from hortus_server.ports.store import Store

PROBE_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class ComponentHealth:
    """One component; `required` ones decide whether this process is ready."""

    component: str
    state: Literal["ok", "down"]
    required: bool
    detail: str
    latency_ms: float


@dataclass(frozen=True, slots=True)
class Readiness:
    """`ready` while all required components answer; `degraded` when only others are missing."""

    state: Literal["ready", "degraded", "unavailable"]
    components: tuple[ComponentHealth, ...]


@dataclass(slots=True)
class CheckReadiness:
    """Look at all components at once, each within `PROBE_TIMEOUT_S`, and one look at a time.

    Anybody may ask, as often as they like: who waited for a look gets the next one together with all others who did.

    Only PostgreSQL is required: without the broker streams fall back to the log and wake-ups wait for the reaper,
    without the index recall is empty, without the model runs wait. An API that answers all of that is of use.
    """

    store: Store
    probes: Sequence[Probe]
    monotonic: Callable[[], float] = time.monotonic
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _began_at: float = float("-inf")
    _found: Readiness | None = None

    async def __call__(self) -> Readiness:
        """As of a moment after the call. Never raises for a component that is down."""
        asked_at = self.monotonic()
        async with self._looking:
            if self._found is None or self._began_at < asked_at:
                began_at = self.monotonic()
                self._found, self._began_at = await self._look_at_all(), began_at
            return self._found

    async def _look_at_all(self) -> Readiness:
        async with asyncio.TaskGroup() as group:
            database = group.create_task(self._database())
            others = [group.create_task(_look(probe)) for probe in self.probes]
        components = (database.result(), *(task.result() for task in others))
        if database.result().state != "ok":
            return Readiness("unavailable", components)
        degraded = any(item.state != "ok" for item in components)
        return Readiness("degraded" if degraded else "ready", components)

    async def _database(self) -> ComponentHealth:
        began = time.perf_counter()
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                healthy = await self.store.healthy()
        except (TimeoutError, HortusError):
            healthy = False
        detail = "answers with the expected schema" if healthy else "does not answer, or its schema is another"
        return _health("database", began, ok=healthy, required=True, detail=detail)


async def _look(probe: Probe) -> ComponentHealth:
    began = time.perf_counter()
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            detail = await probe.check()
    except TimeoutError:
        return _health(probe.component, began, ok=False, required=False, detail=f"no answer in {PROBE_TIMEOUT_S:g} s")
    except HortusError as error:
        return _health(probe.component, began, ok=False, required=False, detail=str(error))
    return _health(probe.component, began, ok=True, required=False, detail=detail)


def _health(component: str, began: float, *, ok: bool, required: bool, detail: str) -> ComponentHealth:
    latency_ms = round((time.perf_counter() - began) * 1000, 2)
    return ComponentHealth(component, "ok" if ok else "down", required, detail, latency_ms)
