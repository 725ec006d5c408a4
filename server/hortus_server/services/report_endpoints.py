"""Tell the other processes how this one finds the model endpoints."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from hortus_server.ports.clock import Clock, utc_now
from hortus_server.ports.models import EndpointReport, EndpointReports, EndpointStatuses
from hortus_server.services.stop_task import stop_task

EVERY_S = 3.0
AT_MOST_EVERY_S = 0.25


@dataclass(slots=True)
class ReportEndpoints:
    """Reports each change soon, and everything again each `every_s`, so that a wiped server knows it again."""

    reports: EndpointReports
    process_id: str
    statuses: EndpointStatuses
    every_s: float = EVERY_S
    clock: Clock = utc_now
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def note_change(self) -> None:
        """Something is other than it was reported."""
        self._changed.set()

    @asynccontextmanager
    async def reporting(self) -> AsyncIterator[None]:
        """Report while the block runs."""
        task = asyncio.create_task(self._report_forever())
        try:
            yield
        finally:
            await stop_task(task)

    async def _report_forever(self) -> None:
        while True:
            self._changed.clear()
            await self.reports.publish(EndpointReport(self.process_id, self.clock(), self.statuses()))
            await asyncio.sleep(AT_MOST_EVERY_S)
            try:
                async with asyncio.timeout(self.every_s):
                    await self._changed.wait()
            except TimeoutError:
                continue
