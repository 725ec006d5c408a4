"""Signs of life as PostgreSQL keeps them: a session-level advisory lock for each worker process.

The lock goes when its session ends, and the session ends when the process dies: the kernel closes the socket. A machine
that vanishes without a word is noticed by TCP keepalives within seconds. The connection must reach PostgreSQL itself or
a pooler in session mode.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from psycopg import AsyncConnection

from hortus_server.adapters.postgres.connections import COMPONENT, CONNECTION_LOST, connect_arguments, unavailable
from hortus_server.adapters.postgres.messages import StoreConnection
from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.errors import ConflictError, UnavailableError
from hortus_server.domain.ids import RunId
from hortus_server.ports.presence import Sight, Watch
from hortus_server.settings import DatabaseSettings

_STATEMENTS = load_statements("presence.sql")
_ANSWER_S: Final = 5.0
_UNHEARD: Final = 500  # queued runs whose wake-ups may have died with a worker: what it can have prefetched, and more
# A peer that vanished is given up within five seconds, by both ends.
_KEEPALIVES: Final = {"keepalives_idle": 2, "keepalives_interval": 1, "keepalives_count": 3, "tcp_user_timeout": 5000}
_SERVER_KEEPALIVES: Final = (
    " -c tcp_keepalives_idle=2 -c tcp_keepalives_interval=1 -c tcp_keepalives_count=3 -c tcp_user_timeout=5000"
    " -c idle_session_timeout=0"
)


@dataclass(frozen=True, slots=True)
class PostgresPresence:
    """See `WorkerPresence`; each watch has a connection of its own."""

    settings: DatabaseSettings

    @asynccontextmanager
    async def watch(self, worker_id: str | None) -> AsyncIterator[Watch]:
        """See the port."""
        connection = await self._connect()
        try:
            sql = Executor(connection, _STATEMENTS)
            watch = _PostgresWatch(connection, sql, self.settings, worker_id)
            if worker_id is not None:
                await watch.enter(worker_id)
            try:
                yield watch
            except asyncio.CancelledError:
                if worker_id is not None:
                    await watch.leave(worker_id)
                raise
        finally:
            await connection.close()

    async def _connect(self) -> AsyncConnection[Any]:
        arguments = connect_arguments(self.settings, application_name="hortus-presence") | _KEEPALIVES
        arguments["options"] += _SERVER_KEEPALIVES
        try:
            async with asyncio.timeout(self.settings.connect_timeout_s):
                return await StoreConnection.connect(self.settings.url.get_secret_value(), **arguments)
        except TimeoutError as error:
            raise UnavailableError(COMPONENT, "no connection in time") from error
        except CONNECTION_LOST as error:
            raise unavailable(error, self.settings) from error


@dataclass(frozen=True, slots=True)
class _PostgresWatch:
    """Implements Watch on one connection, for one task."""

    connection: AsyncConnection[Any]
    sql: Executor
    settings: DatabaseSettings
    worker_id: str | None

    async def enter(self, worker_id: str) -> None:
        """Lock first: a registered worker without a lock counts as dead."""
        async with self._bounded():
            if not await self.sql.one("take_presence", _taken, worker_id=worker_id):
                raise ConflictError(f"another process is present as {worker_id}")
            await self.sql.count("register_worker", worker_id=worker_id)

    async def leave(self, worker_id: str) -> None:
        """Nobody needs to look for this worker any more; where it cannot be said, others will notice."""
        with suppress(UnavailableError):
            async with self._bounded():
                await self.sql.count("remove_worker", worker_id=worker_id)

    async def look(self) -> Sight:
        """See the port."""
        async with self._bounded():
            sight = await self.sql.one("look_at_workers", _sight, worker_id=self.worker_id)
        return sight or Sight(0, ())

    async def bury(self, workers: Sequence[str]) -> tuple[RunId, ...]:
        """See the port."""
        async with self._bounded():
            ids = list(workers)
            return tuple(
                await self.sql.many("bury_workers", _run_id, worker_id=self.worker_id, worker_ids=ids, rows=_UNHEARD)
            )

    async def expire_own(self) -> tuple[RunId, ...]:
        """See the port."""
        async with self._bounded():
            return tuple(await self.sql.many("expire_leases", _run_id, worker_id=self.worker_id))

    async def rest(self, seconds: float) -> None:
        """See the port: waiting for notifications, of which there are none, sees the end of the connection."""
        async with self._bounded(seconds):
            async for _ in self.connection.notifies(timeout=seconds):
                pass

    @asynccontextmanager
    async def _bounded(self, seconds: float = 0.0) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(seconds + _ANSWER_S):
                yield
        except TimeoutError as error:
            raise UnavailableError(COMPONENT, "no answer in time") from error
        except CONNECTION_LOST as error:
            raise unavailable(error, self.settings) from error


def _taken(*, taken: bool) -> bool:
    return taken


def _sight(*, others: int, gone: list[str]) -> Sight:
    return Sight(others, tuple(gone))


def _run_id(*, id: RunId) -> RunId:  # noqa: A002 - a column's name
    return id
