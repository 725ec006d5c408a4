"""Wait for a run's end, as long as the caller likes and the server allows."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import structlog

from hortus_agents.events import TERMINAL_EVENTS, Event
from hortus_server.domain.errors import HortusError
from hortus_server.domain.ids import RunId, TenantId
from hortus_server.domain.records import TERMINAL_STATUSES, Run
from hortus_server.ports.live import LiveItem, LiveSubscriber
from hortus_server.ports.store import Store
from hortus_server.services.stop_task import stop_task

log = structlog.get_logger()

POLL_S = 1.0  # the row is looked at this often even if the live channel says nothing


@dataclass(frozen=True, slots=True)
class WaitRun:
    """Long poll over the live channel, with the row as the truth."""

    store: Store
    streams: LiveSubscriber

    async def __call__(self, tenant_id: TenantId, run_id: RunId, *, timeout_s: float) -> Run:
        """The run when it is terminal, or as it is after `timeout_s`. Raises NotFoundError."""
        run = await self._read(tenant_id, run_id)
        if run.status in TERMINAL_STATUSES or timeout_s <= 0:
            return run
        ended = asyncio.Event()
        deadline = time.monotonic() + timeout_s
        watcher = asyncio.create_task(_watch(self.streams.subscribe(tenant_id, run.session_id), run_id, ended))
        try:
            while run.status not in TERMINAL_STATUSES and (left := deadline - time.monotonic()) > 0:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(left, POLL_S)):
                        await ended.wait()
                ended.clear()
                run = await self._read(tenant_id, run_id)
        finally:
            await stop_task(watcher)
        return run

    async def _read(self, tenant_id: TenantId, run_id: RunId) -> Run:
        async with self.store.transaction(tenant_id) as uow:
            return await uow.runs.get(tenant_id, run_id)


async def _watch(
    subscription: AbstractAsyncContextManager[AsyncIterator[LiveItem]], run_id: RunId, ended: asyncio.Event
) -> None:
    try:
        async with subscription as items:
            async for item in items:
                if isinstance(item, Event) and item.run_id == run_id and item.type in TERMINAL_EVENTS:
                    ended.set()
    except HortusError as error:
        log.info("live_channel_lost", run_id=str(run_id), error=str(error))  # the poll goes on without it
