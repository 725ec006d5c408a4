"""Migrations: applied once, in order, in a transaction each, and together equal to schema.sql."""

import asyncio
import os
import re
import subprocess
from pathlib import Path

import fixtures_postgres
import pytest

from hortus_server.adapters.postgres.messages import StoreConnection
from hortus_server.adapters.postgres.migrations import (
    Migration,
    MigrationError,
    load_migrations,
    migrate,
    migrations_folder,
    missing_migrations,
)
from hortus_server.domain.errors import UnavailableError

SCHEMA = Path(__file__).parents[2] / "migrations" / "schema.sql"
NOISE = re.compile(r"^(--.*|SET .*|SELECT pg_catalog\.set_config.*|\\(un)?restrict .*|)\n", re.MULTILINE)


def dump(settings) -> str:
    """The schema as pg_dump tells it, less comments, settings and the dump's one-time key."""
    done = subprocess.run(
        [
            str(fixtures_postgres._binaries() / "pg_dump"),
            "--schema-only",
            "--no-owner",
            "--no-privileges",
            settings.url.get_secret_value(),
        ],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return NOISE.sub("", done.stdout)


async def rows(settings, query: str):
    async with await StoreConnection.connect(settings.url.get_secret_value()) as connection:
        return await (await connection.execute(query)).fetchall()


def migration(version: int, sql: str, phase: str = "pre") -> Migration:
    return Migration(version, phase, f"{version:04}_{phase}_test.sql", sql.encode())


def test_all_migrations_together_equal_the_schema(database_settings):
    """After a new migration: HORTUS_WRITE_SCHEMA=1 pytest tests/migrations, then read the difference."""
    found = dump(database_settings)
    if os.environ.get("HORTUS_WRITE_SCHEMA"):
        SCHEMA.write_text(f"-- Generated from the migrations; tests/migrations compares. Not to be applied.\n{found}")
    assert SCHEMA.read_text().split("\n", 1)[1] == found


async def test_a_second_run_has_nothing_to_do(empty_database):
    assert await migrate(empty_database) == tuple(m.name for m in load_migrations())
    before = await rows(empty_database, "SELECT * FROM schema_migrations")
    assert await migrate(empty_database) == ()
    assert await rows(empty_database, "SELECT * FROM schema_migrations") == before


async def test_parallel_runs_take_turns(empty_database):
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(migrate(empty_database)) for _ in range(4)]
    assert sorted(len(task.result()) for task in tasks) == [0, 0, 0, len(load_migrations())]


async def test_a_file_that_changed_after_it_was_applied_is_refused(empty_database):
    first, second = migration(1, "CREATE TABLE a (id int)"), migration(2, "CREATE TABLE b (id int)")
    await migrate(empty_database, migrations=[first])
    changed = migration(1, "CREATE TABLE a (id bigint)")
    with pytest.raises(MigrationError, match=r"0001_pre_test\.sql was changed after it had been applied"):
        await migrate(empty_database, migrations=[changed, second])
    assert await rows(empty_database, "SELECT to_regclass('b')") == [(None,)]
    async with await StoreConnection.connect(empty_database.url.get_secret_value()) as connection:
        assert await missing_migrations(connection, [first]) == ()
        assert await missing_migrations(connection, [changed, second]) == (changed.name, second.name)


async def test_a_file_is_applied_whole_or_not_at_all_and_those_before_it_stay(empty_database):
    good = migration(1, "CREATE TABLE a (id int)")
    bad = migration(2, "CREATE TABLE b (id int); CREATE TABLE a (id int);")
    with pytest.raises(MigrationError, match="already exists"):
        await migrate(empty_database, migrations=[good, bad])
    assert await rows(empty_database, "SELECT version FROM schema_migrations") == [(1,)]
    assert await rows(empty_database, "SELECT to_regclass('b')") == [(None,)]
    mended = migration(2, "CREATE TABLE b (id int)")
    assert await migrate(empty_database, migrations=[good, mended]) == (mended.name,)


async def test_the_pre_phase_stops_before_the_first_post_file(empty_database):
    files = [migration(1, "SELECT 1"), migration(2, "SELECT 2", "post"), migration(3, "SELECT 3")]
    assert await migrate(empty_database, migrations=files, phase="pre") == (files[0].name,)
    assert await migrate(empty_database, migrations=files) == (files[1].name, files[2].name)


async def test_readiness_asks_for_pre_files_only_and_newer_ones_do_no_harm(empty_database):
    files = [migration(1, "SELECT 1"), migration(2, "SELECT 2", "post")]
    await migrate(empty_database, migrations=files, phase="pre")
    async with await StoreConnection.connect(empty_database.url.get_secret_value()) as connection:
        assert await missing_migrations(connection, files) == ()
        assert await missing_migrations(connection, files[:1]) == ()
    assert await migrate(empty_database, migrations=files[:1]) == ()


async def test_a_migration_gives_way_to_traffic_that_holds_its_locks(empty_database):
    await migrate(empty_database, migrations=[migration(1, "CREATE TABLE a (id int)")])
    files = [migration(1, "CREATE TABLE a (id int)"), migration(2, "ALTER TABLE a ADD COLUMN b int")]
    async with await StoreConnection.connect(empty_database.url.get_secret_value()) as busy:
        await busy.execute("SELECT * FROM a")
        async with asyncio.timeout(10):
            with pytest.raises(UnavailableError):
                await migrate(empty_database, migrations=files)
    assert await migrate(empty_database, migrations=files) == (files[1].name,)


async def test_a_migrator_that_hangs_does_not_hold_up_others_for_ever(empty_database):
    async with await StoreConnection.connect(empty_database.url.get_secret_value()) as other:
        await other.execute("SELECT pg_advisory_lock(%s)", [0x686F72747573])
        with pytest.raises(UnavailableError, match="another migration"):
            await migrate(empty_database, wait_s=0.3)


@pytest.mark.parametrize("names", [["0002_pre_a.sql"], ["0001_pre_a.sql", "0001_post_b.sql"], ["0001_a.sql"], []])
def test_badly_numbered_files_are_refused(tmp_path, names):
    for name in names:
        (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(MigrationError):
        load_migrations(tmp_path)


def test_the_checkout_finds_its_own_files():
    assert migrations_folder().joinpath("schema.sql").is_file()
    versions = [m.version for m in load_migrations()]
    assert versions == sorted(set(versions))


async def test_a_number_that_was_left_open_is_applied_when_its_file_is_there(empty_database):
    first, third = migration(1, "CREATE TABLE a (id int)"), migration(3, "CREATE TABLE c (id int)")
    assert await migrate(empty_database, migrations=[first, third]) == (first.name, third.name)
    second = migration(2, "CREATE TABLE b (id int)")
    assert await migrate(empty_database, migrations=[first, second, third]) == (second.name,)
