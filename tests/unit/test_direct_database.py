"""Which database a command reaches without a server."""

import json
import socket
from pathlib import Path

import pytest
from pydantic import SecretStr
from stack_parts import free_port

from hortus_server.adapters.embedded.home import HortusHome
from hortus_server.adapters.postgres.migrations import migrate
from hortus_server.cli.client import CommandError
from hortus_server.cli.direct import find_database
from hortus_server.cli.faults import told
from hortus_server.domain.errors import UnavailableError
from hortus_server.settings import DatabaseSettings


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HortusHome:
    monkeypatch.delenv("HORTUS_DATABASE_URL", raising=False)
    monkeypatch.setenv("HORTUS_HOME", str(tmp_path))
    home = HortusHome(root=tmp_path, models=tmp_path / "models")
    home.create()
    return home


async def test_the_one_that_is_named_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HORTUS_DATABASE_URL", "postgresql://h/named")
    assert (await find_database()).url.get_secret_value() == "postgresql://h/named"


async def test_else_it_is_the_one_that_runs_under_this_home(home: HortusHome) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        (home.run / "ports.json").write_text(json.dumps({"postgres": port}))
        found = (await find_database()).url.get_secret_value()
    assert found == f"postgresql://hortus:{home.secret('postgres_password')}@127.0.0.1:{port}/hortus"


async def test_none_at_all_is_told_with_what_to_do(home: HortusHome) -> None:
    (home.run / "ports.json").write_text(json.dumps({"postgres": 1}))
    with pytest.raises(CommandError, match="hortus up --only postgres"):
        await find_database()


async def test_one_that_does_not_answer_is_told_with_its_place_and_without_its_password() -> None:
    port = free_port()
    settings = DatabaseSettings(url=SecretStr(f"postgresql://u:pa55word@127.0.0.1:{port}/x"))
    with pytest.raises(UnavailableError) as failed:
        await migrate(settings)
    said = told(failed.value)
    assert f"port {port} failed: Connection refused" in said
    assert "pa55word" not in said
    assert "\n" not in said
