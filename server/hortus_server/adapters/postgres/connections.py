"""How this server connects: bounded waits, UTC, and JSON by orjson."""

from select import POLLIN, poll
from typing import Any, Final

import orjson
import psycopg
from psycopg import AsyncConnection
from psycopg.abc import AdaptContext
from psycopg.adapt import AdaptersMap
from psycopg.errors import (
    DeadlockDetected,
    DiskFull,
    IdleInTransactionSessionTimeout,
    LockNotAvailable,
    QueryCanceled,
    SerializationFailure,
)
from psycopg.types.json import set_json_dumps, set_json_loads
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests

from hortus_agents.json_text import written_json
from hortus_server.adapters.postgres.messages import StoreConnection
from hortus_server.domain.errors import UnavailableError
from hortus_server.settings import DatabaseSettings

COMPONENT: Final = "postgresql"
CONNECTION_LOST: Final = (psycopg.OperationalError, IdleInTransactionSessionTimeout)
"""What the driver raises where the database is away, is busy, or has ended the connection."""
_WAITING_PER_CONNECTION: Final = 64
_MIN_SILENT_MS: Final = 1_000


class _Json:
    """An adaptation context of our own, so that no global of the driver changes."""

    connection = None

    def __init__(self) -> None:
        self.adapters = AdaptersMap(psycopg.adapters)
        set_json_dumps(written_json, self)
        set_json_loads(orjson.loads, self)


JSON: Final[AdaptContext] = _Json()


def connect_arguments(settings: DatabaseSettings, *, application_name: str) -> dict[str, Any]:
    """Arguments of every connection besides its address."""
    statement_ms = round(settings.statement_timeout_s * 1000)
    # Nothing but its own statements is awaited in a transaction: who says nothing for so long hangs or is gone, and
    # others need the rows that it holds to go on with its work.
    silent_ms = max(statement_ms // 3, _MIN_SILENT_MS)
    return {
        "autocommit": True,
        "context": JSON,
        "application_name": application_name,
        "connect_timeout": max(2, round(settings.connect_timeout_s)),
        # A peer that vanished without a word is noticed within these bounds.
        "keepalives_idle": 15,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": statement_ms + 15_000,
        "options": (
            f"-c statement_timeout={statement_ms} -c idle_in_transaction_session_timeout={silent_ms}"
            # Compiling a plan costs more than any of these statements, and planning costs more than running: over the
            # log's partitions PostgreSQL would plan nearly every execution anew.
            " -c TimeZone=UTC -c jit=off -c plan_cache_mode=force_generic_plan"
        ),
    }


def make_pool(settings: DatabaseSettings, *, application_name: str) -> AsyncConnectionPool[StoreConnection]:
    """A pool that is not open yet."""
    return AsyncConnectionPool(
        settings.url.get_secret_value(),
        connection_class=StoreConnection,
        kwargs=connect_arguments(settings, application_name=application_name),
        min_size=min(2, settings.pool_size),
        max_size=settings.pool_size,
        timeout=settings.connect_timeout_s,
        max_waiting=settings.pool_size * _WAITING_PER_CONNECTION,
        check=check_connection,
        open=False,
        name=application_name,
    )


async def check_connection(connection: AsyncConnection[Any]) -> None:
    """Raise when the server hung up while the connection was idle.

    An idle connection has nothing to read unless the server went away or has news; only then is a round trip spent.
    """
    idle = poll()
    idle.register(connection.fileno(), POLLIN)
    if idle.poll(0):
        await AsyncConnectionPool.check_connection(connection)


def unavailable(error: psycopg.Error, settings: DatabaseSettings) -> UnavailableError:
    """What callers are told: worth a retry, and nothing of addresses; the cause stays with the exception."""
    match error:
        case PoolTimeout():
            message = f"no connection within {settings.connect_timeout_s:g} s"
        case TooManyRequests():
            message = "too many requests wait for a connection"
        case QueryCanceled():
            message = f"a statement took longer than {settings.statement_timeout_s:g} s"
        case DeadlockDetected() | SerializationFailure() | LockNotAvailable():
            message = "two transactions were in each other's way"
        case DiskFull():
            message = "its disk is full"
        case IdleInTransactionSessionTimeout():
            message = "this process hung in a transaction, which was undone"
        case _:
            message = "the connection failed"
    return UnavailableError(COMPONENT, message)
