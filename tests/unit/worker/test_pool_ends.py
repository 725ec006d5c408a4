"""A second signal's handler stops the pool in the midst of its stop."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

from hortus_server.settings import Settings
from hortus_server.worker.app import WorkerApp
from hortus_server.worker.pool import AsyncioPool


class Quiet(WorkerApp):
    """Of the settings nothing but the time to drain is asked for."""

    drain_s = 5.0


@asynccontextmanager
async def no_services(_settings: Settings, _worker_id: str, _draining: threading.Event) -> AsyncIterator[Any]:
    yield None


def test_a_stop_in_the_midst_of_a_stop_ends_both() -> None:
    app = Quiet(load_settings=lambda: None, open_process=no_services)  # type: ignore[arg-type, return-value]
    pool = AsyncioPool(limit=1, app=app)
    pool.on_start()
    pool.register_with_event_loop(SimpleNamespace(add_reader=lambda *_: None))
    stops: list[str] = []

    def stop_again(*_outcome: object) -> None:
        pool.on_stop()
        stops.append("inner")

    job = pool.on_apply(lambda: None, callback=stop_again)
    pool.on_stop()
    job.terminate()  # a late revocation finds nothing to end
    assert stops == ["inner"]
