"""Forward-only migrations: numbered SQL files, each applied once, in order, in a transaction of its own.

`NNNN_pre_x.sql` suits the code before and after the release (add a column), `NNNN_post_x.sql` only the code after it
(drop one). Without a phase all are applied. A file that was applied must never change: its checksum is kept.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final, Literal, cast

import psycopg
from psycopg import AsyncConnection

from hortus_server.adapters.postgres.connections import COMPONENT, CONNECTION_LOST, connect_arguments, unavailable
from hortus_server.adapters.postgres.messages import StoreConnection
from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.errors import HortusError, UnavailableError
from hortus_server.settings import DatabaseSettings

Phase = Literal["pre", "post"]

LOCK_TIMEOUT: Final = "4s"
STATEMENT_TIMEOUT: Final = "5s"
_ADVISORY_KEY: Final = 0x686F72747573  # "hortus"
_LOCK_POLL_S: Final = 0.1
_FILE_NAME = re.compile(r"(?P<version>\d{4})_(?P<phase>pre|post)_[a-z0-9_]+\.sql")
_STATEMENTS = load_statements("migrations.sql")


class MigrationError(HortusError):
    """The migrations contradict each other or the database; nothing of the offending file was applied."""

    code = "migration_failed"


@dataclass(frozen=True, slots=True)
class Migration:
    """One file; `checksum` is the SHA-256 of its bytes."""

    version: int
    phase: Phase
    name: str
    sql: bytes

    @property
    def checksum(self) -> str:
        """Hexadecimal SHA-256."""
        return sha256(self.sql).hexdigest()


def migrations_folder() -> Traversable:
    """Where the files are: inside the installed package, or beside the sources of a checkout."""
    packaged = files("hortus_server").joinpath("_migrations")
    return packaged if packaged.is_dir() else Path(__file__).parents[4] / "migrations"


def load_migrations(folder: Traversable | None = None) -> tuple[Migration, ...]:
    """All migrations by number; a gap is fine, since a number may be taken before its file is there.

    Raises MigrationError where 0001 is missing, for a double number and a bad name.
    """
    folder = folder or migrations_folder()
    found: list[Migration] = []
    for entry in folder.iterdir() if folder.is_dir() else ():
        if not entry.name.endswith(".sql") or entry.name == "schema.sql":
            continue
        match = _FILE_NAME.fullmatch(entry.name)
        if match is None:
            raise MigrationError(f"{entry.name}: a migration is called NNNN_pre_what.sql or NNNN_post_what.sql")
        found.append(Migration(int(match["version"]), cast("Phase", match["phase"]), entry.name, entry.read_bytes()))
    found.sort(key=lambda migration: migration.version)
    if not found or found[0].version != 1 or len({migration.version for migration in found}) != len(found):
        raise MigrationError(f"{folder}: migrations must be numbered from 0001 without doubles")
    return tuple(found)


async def migrate(
    settings: DatabaseSettings,
    *,
    phase: Phase | None = None,
    migrations: Sequence[Migration] | None = None,
    wait_s: float = 30.0,
) -> tuple[str, ...]:
    """Apply what is pending and return the names of the files that were applied; nothing to do is fine.

    With `phase="pre"` it stops before the first pending `post` file. Several callers at the same time take turns;
    one waits for `wait_s` seconds at most. Raises MigrationError, and UnavailableError when the database is down, a
    lock was not to be had within 4 seconds or a statement took longer than 5.
    """
    pending = tuple(migrations) if migrations is not None else load_migrations()
    arguments = connect_arguments(settings, application_name="hortus-migrate")
    try:
        async with (
            asyncio.timeout(settings.connect_timeout_s) as connecting,
            await StoreConnection.connect(settings.url.get_secret_value(), **arguments) as connection,
        ):
            connecting.reschedule(None)
            await _take_turn(connection, wait_s)
            return await _apply(connection, pending, phase)
    except TimeoutError as error:
        raise UnavailableError(COMPONENT, f"no connection within {settings.connect_timeout_s:g} s") from error
    except CONNECTION_LOST as error:
        raise unavailable(error, settings) from error
    except psycopg.Error as error:
        raise MigrationError(f"a migration failed: {error}") from error


async def missing_migrations(connection: AsyncConnection[Any], migrations: Sequence[Migration]) -> tuple[str, ...]:
    """Names of `pre` files that this code needs and the database has not, or has with another content."""
    sql = Executor(connection, _STATEMENTS)
    applied = await _applied(sql)
    return tuple(m.name for m in migrations if m.phase == "pre" and applied.get(m.version) != m.checksum)


async def may_act_for_tenants(connection: AsyncConnection[Any]) -> bool:
    """Whether this login is a member of the role that tenants' transactions take, and row security binds that role."""
    sql = Executor(connection, _STATEMENTS)
    return bool(await sql.one("find_tenant_role", _allowed))


async def _take_turn(connection: AsyncConnection[Any], wait_s: float) -> None:
    sql = Executor(connection, _STATEMENTS)
    try:
        async with asyncio.timeout(wait_s):
            while not await sql.one("try_lock", _taken, key=_ADVISORY_KEY):  # noqa: ASYNC110 - not our event
                await asyncio.sleep(_LOCK_POLL_S)
    except TimeoutError as error:
        raise UnavailableError(COMPONENT, f"another migration has been running for {wait_s:g} s") from error


async def _apply(
    connection: AsyncConnection[Any], migrations: Sequence[Migration], phase: Phase | None
) -> tuple[str, ...]:
    sql = Executor(connection, _STATEMENTS)
    await sql.count("create_ledger")
    applied = await _applied(sql)
    for migration in migrations:
        if applied.get(migration.version, migration.checksum) != migration.checksum:
            raise MigrationError(
                f"{migration.name} was changed after it had been applied to this database; "
                "restore the file and put the change into a new migration"
            )
    done: list[str] = []
    for migration in migrations:
        if migration.version in applied:
            continue
        if phase == "pre" and migration.phase == "post":
            break
        async with connection.transaction():
            await sql.one("set_timeouts", _timeouts, lock_timeout=LOCK_TIMEOUT, statement_timeout=STATEMENT_TIMEOUT)
            await connection.execute(migration.sql)
            await sql.count(
                "note_applied",
                version=migration.version,
                phase=migration.phase,
                name=migration.name,
                checksum=migration.checksum,
            )
        done.append(migration.name)
    await sql.one("unlock", _taken, key=_ADVISORY_KEY)
    return tuple(done)


async def _applied(sql: Executor) -> dict[int, str]:
    if not await sql.one("find_ledger", _exists):
        return {}
    return dict(await sql.many("list_applied", _version))


def _taken(*, taken: bool) -> bool:
    return taken


def _allowed(*, allowed: bool) -> bool:
    return allowed


def _exists(*, exists: bool) -> bool:
    return exists


def _timeouts(*, lock_timeout: str, statement_timeout: str) -> tuple[str, str]:
    return lock_timeout, statement_timeout


def _version(*, version: int, checksum: str) -> tuple[int, str]:
    return version, checksum
