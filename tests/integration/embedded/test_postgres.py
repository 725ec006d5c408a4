import os
import signal
from pathlib import Path

import pytest

from hortus_server.adapters.embedded.binaries import postgres_binary
from hortus_server.adapters.embedded.component import Command
from hortus_server.adapters.embedded.errors import ToolFailedError
from hortus_server.adapters.embedded.home import HortusHome
from hortus_server.adapters.embedded.identity import user_namespaces_work
from hortus_server.adapters.embedded.ports import PortBook
from hortus_server.adapters.embedded.postgres import DATABASE, EmbeddedPostgres
from hortus_server.adapters.embedded.process import run_tool


def free_port(home: HortusHome) -> int:
    return PortBook(home.run / "ports.json").assign("postgres")


async def query(dsn: str, sql: str) -> str:
    """Ask as the application would: with the role, the password and the database of the DSN."""
    command = Command(argv=(str(postgres_binary("psql")), dsn, "-X", "-A", "-t", "-c", sql))
    return (await run_tool(command, timeout_s=20)).strip()


async def test_committed_row_survives_kill_9_of_the_postmaster(home: HortusHome, supervised, recorder, pid_of) -> None:
    postgres = await EmbeddedPostgres.at(home, free_port(home))
    async with supervised(postgres.component()):
        await query(postgres.dsn, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (42)")
        os.kill(pid_of("postgres"), signal.SIGKILL)
        await recorder.until("postgres", "ready", times=2)
        assert await query(postgres.dsn, "SELECT n FROM kept") == "42"


async def test_second_start_finds_the_cluster_again(home: HortusHome, supervised) -> None:
    postgres = await EmbeddedPostgres.at(home, free_port(home))
    async with supervised(postgres.component()):
        await query(postgres.dsn, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
    async with supervised(postgres.component()):
        assert await query(postgres.dsn, "SELECT n FROM kept") == "7"


async def test_application_role_owns_its_database_and_no_more(home: HortusHome, supervised) -> None:
    postgres = await EmbeddedPostgres.at(home, free_port(home))
    async with supervised(postgres.component()):
        assert (
            await query(postgres.dsn, "CREATE EXTENSION pg_trgm; SELECT similarity('abc', 'abc')")
            == "CREATE EXTENSION\n1"
        )
        assert await query(postgres.dsn, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == "f"
        assert await query(postgres.dsn, "SHOW fsync") == "on"
        wrong = postgres.dsn.replace(home.secret("postgres_password"), "wrong")
        with pytest.raises(ToolFailedError, match="password authentication failed"):
            await query(wrong, "SELECT 1")


async def test_interrupted_initdb_leaves_nothing_that_looks_like_a_cluster(
    home: HortusHome, supervised, recorder
) -> None:
    postgres = await EmbeddedPostgres.at(home, free_port(home))
    halfway = home.folder("postgres") / "cluster.new"
    halfway.mkdir()
    (halfway / "PG_VERSION").write_text("18\n")
    async with supervised(postgres.component()):
        assert await query(postgres.dsn, "SELECT current_database()") == DATABASE
    assert not halfway.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user needs no namespace")
async def test_root_uses_a_user_namespace_where_nobody_cannot_reach_the_home(tmp_path: Path, supervised) -> None:
    if not await user_namespaces_work():
        pytest.skip("user namespaces are refused here")
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    closed = HortusHome(root=private / "home", models=private / "models")
    closed.create()
    postgres = await EmbeddedPostgres.at(closed, free_port(closed))
    assert postgres.identity == "userns"
    async with supervised(postgres.component()):
        assert await query(postgres.dsn, "SELECT 1") == "1"
    assert postgres.cluster.stat().st_uid == 0
