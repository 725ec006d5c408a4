"""The streams that are open in this process: bounded, counted, and told when the process stops."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from hortus_server.api.metrics import EdgeMetrics
from hortus_server.domain.errors import LimitExceededError

RETRY_AFTER_S = 2.0


class StreamRegistry:
    """Hands out places for streams; `stopping` is set once, when the server begins to stop."""

    def __init__(self, *, limit: int, metrics: EdgeMetrics) -> None:
        self._limit = limit
        self._metrics = metrics
        self._open = 0
        self.stopping = asyncio.Event()

    @contextlib.asynccontextmanager
    async def place(self, transport: str) -> AsyncIterator[None]:
        """A place for one stream. Raises LimitExceededError when all are taken."""
        if self._open >= self._limit:
            raise LimitExceededError("too many streams are open", limit=self._limit, retry_after_s=RETRY_AFTER_S)
        self._open += 1
        self._metrics.streams_open.labels(transport).inc()
        try:
            yield
        finally:
            self._open -= 1
            self._metrics.streams_open.labels(transport).dec()

    def stop(self) -> None:
        """End all streams; clients come back with their cursors."""
        self.stopping.set()
