import errno
import json
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from hortus_server.adapters.embedded.component import Command, Transfer
from hortus_server.adapters.embedded.console import JsonDisplay, TerminalDisplay
from hortus_server.adapters.embedded.errors import (
    EmbeddedError,
    HomeUnusableError,
    PlatformError,
    PortTakenError,
    UnknownModelError,
)
from hortus_server.adapters.embedded.home import HortusHome, write_private
from hortus_server.adapters.embedded.lifecycle import read_status, run_up
from hortus_server.adapters.embedded.plan import EmbeddedOptions, embedded_components, without_credentials
from hortus_server.adapters.embedded.ports import PortBook
from hortus_server.adapters.embedded.process import LogFile, child_environment


@pytest.fixture
def home(tmp_path: Path) -> HortusHome:
    home = HortusHome(root=tmp_path / "home", models=tmp_path / "home" / "models")
    home.create()
    return home


@pytest.fixture
def taken_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


async def test_a_home_that_cannot_be_made_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    root = tmp_path / "file" / "home"
    options = EmbeddedOptions(home=HortusHome(root=root, models=root / "models"))
    with pytest.raises(HomeUnusableError, match="Not a directory; mend that, or set HORTUS_HOME to another folder"):
        await run_up(options, app_components=lambda _environment, _ports: [], display=JsonDisplay(StringIO()))


@pytest.mark.parametrize(
    ("number", "told"),
    [(errno.ENOSPC, "its disk is full"), (errno.EROFS, "mounted read-only"), (errno.EACCES, "owner")],
)
def test_why_a_home_cannot_be_used_is_said_in_words(number: int, told: str) -> None:
    assert told in str(HomeUnusableError("/srv/hortus", OSError(number, os.strerror(number))))


async def test_a_component_that_does_not_exist_is_not_started_silently(home: HortusHome) -> None:
    options = EmbeddedOptions(home=home, only=frozenset({"postgrs"}))
    with pytest.raises(EmbeddedError, match="no such component: postgrs; there are postgres, valkey"):
        await run_up(options, app_components=lambda _environment, _ports: [], display=JsonDisplay(StringIO()))


def test_lines_for_a_full_disk_are_lost_without_a_word(
    home: HortusHome, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logging.raiseExceptions", True)
    log = LogFile(Path("/dev/full"))
    log.append("one")
    log.close()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("environment", "root"),
    [
        ({"HORTUS_HOME": "/srv/h", "XDG_DATA_HOME": "/x"}, Path("/srv/h")),
        ({"XDG_DATA_HOME": "/x"}, Path("/x/hortus")),
        ({}, Path.home() / ".hortus"),
    ],
)
def test_home_is_where_the_environment_says(environment: dict[str, str], root: Path) -> None:
    assert HortusHome.locate(environment).root == root
    assert HortusHome.locate({**environment, "HORTUS_MODELS_DIR": "/m"}).models == Path("/m")


def test_folders_and_secrets_are_private(home: HortusHome) -> None:
    secret = home.secret_file("key")
    assert secret.stat().st_mode & 0o777 == 0o600
    for name in ("run", "log", "postgres", "valkey", "qdrant", "secrets"):
        assert (home.root / name).stat().st_mode & 0o777 == 0o700
    assert home.root.stat().st_mode & 0o066 == 0


def test_secret_is_made_once_even_by_many_at_once(home: HortusHome) -> None:
    with ThreadPoolExecutor(8) as pool:
        secrets = set(pool.map(lambda _: home.secret("key"), range(32)))
    assert len(secrets) == 1
    assert len(secrets.pop()) >= 32
    assert [path.name for path in (home.root / "secrets").iterdir()] == ["key"]


def test_private_file_is_replaced_at_once(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_text("old")
    write_private(path, "new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_random_ports_are_kept_and_differ(home: HortusHome) -> None:
    path = home.run / "ports.json"
    first = {name: PortBook(path).assign(name) for name in ("a", "b")}
    assert first["a"] != first["b"]
    assert {name: PortBook(path).assign(name) for name in ("a", "b")} == first


def test_kept_port_that_was_taken_meanwhile_is_replaced(home: HortusHome, taken_port: int) -> None:
    path = home.run / "ports.json"
    path.write_text(json.dumps({"a": taken_port}))
    assert PortBook(path).assign("a") != taken_port


def test_taken_port_that_was_asked_for_is_an_error(home: HortusHome, taken_port: int) -> None:
    with pytest.raises(PortTakenError, match=str(taken_port)):
        PortBook(home.run / "ports.json").assign("api", taken_port)


async def test_plan_connects_our_processes_to_what_it_starts(home: HortusHome) -> None:
    plan = await embedded_components(EmbeddedOptions(home=home))
    assert {one.name for one in plan.components} == {"postgres", "valkey", "qdrant", "model", "embeddings"}
    assert plan.environment.keys() >= {
        "HORTUS_DATABASE_URL",
        "HORTUS_BROKER_URL",
        "HORTUS_QDRANT_URL",
        "HORTUS_QDRANT_API_KEY",
        "HORTUS_MODEL_URL",
        "HORTUS_MODEL_NAME",
        "HORTUS_MODEL_API_KEY",
        "HORTUS_EMBEDDING_PATH",
    }
    shown = [f"{one.url} {' '.join(one.command.argv) if one.command else ''}" for one in plan.components]
    for secret in (home.root / "secrets").iterdir():
        assert not any(secret.read_text() in text for text in shown)


async def test_external_component_is_not_started(home: HortusHome) -> None:
    environment = {
        "HORTUS_HOME": str(home.root),
        "HORTUS_MODEL_URL": "http://gpu:8000/v1",
        "HORTUS_DATABASE_URL": "postgresql://u:p@db/h",
        "HORTUS_EMBEDDING_URL": "http://gpu:8001/v1",
    }
    plan = await embedded_components(EmbeddedOptions.from_environment(environment))
    assert {one.name for one in plan.components} == {"valkey", "qdrant"}
    assert plan.environment["HORTUS_MODEL_URL"] == "http://gpu:8000/v1"
    assert plan.environment["HORTUS_EMBEDDING_KIND"] == "http"


async def test_unknown_model_and_missing_file_are_named(home: HortusHome, tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match="gpt-17"):
        await embedded_components(EmbeddedOptions(home=home, only=frozenset({"model"}), model_id="gpt-17"))
    with pytest.raises(PlatformError, match="HORTUS_MODEL_FILE"):
        await embedded_components(
            EmbeddedOptions(home=home, only=frozenset({"model"}), model_file=tmp_path / "none.gguf")
        )


async def test_status_without_a_supervisor_shows_stopped_and_asks_external_ones(
    home: HortusHome, taken_port: int
) -> None:
    options = EmbeddedOptions(home=home, external={"HORTUS_BROKER_URL": f"redis://:secret@127.0.0.1:{taken_port}/0"})
    rows = {row.name: row for row in await read_status(options)}
    assert rows["postgres"].status == "stopped"
    assert rows["valkey"].status == "external"
    assert rows["valkey"].answers is True
    assert "secret" not in rows["valkey"].url


def test_shown_url_has_no_credentials() -> None:
    assert without_credentials("postgresql://u:p@db:5432/h?sslmode=require") == "postgresql://db:5432/h"


def test_variables_for_the_supervisor_alone_are_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HORTUS_MODEL_FILE", "/models/x.gguf")
    monkeypatch.setenv("HORTUS_LOG_LEVEL", "debug")
    passed = child_environment(Command(argv=("x",), inherit_env=True), "mark")
    assert "HORTUS_MODEL_FILE" not in passed
    assert passed["HORTUS_LOG_LEVEL"] == "debug"
    assert passed["HORTUS_SUPERVISED_BY"] == "mark"
    assert passed.keys() >= {"PATH"} & os.environ.keys()


def test_json_display_writes_a_transfer_at_most_every_five_seconds() -> None:
    out, now = StringIO(), [0.0]
    display = JsonDisplay(out, clock=lambda: now[0])
    for done in range(11):
        now[0] = float(done)
        display.show_transfer(Transfer(name="w", done_bytes=done, total_bytes=10))
    entries = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [entry["done_bytes"] for entry in entries] == [0, 5, 10]


def test_terminal_display_prefixes_lines_and_drops_cursor_movement() -> None:
    out = StringIO()
    with TerminalDisplay(Console(file=out, force_terminal=True, width=80)) as display:
        display.show_line("postgres", "\x1b[2Jready [ok]")
        display.show_status("postgres", "ready", "on 5432")
    text = out.getvalue()
    assert "postgres   | " in text
    assert "\x1b[2J" not in text
    assert "ready [ok]" in text
