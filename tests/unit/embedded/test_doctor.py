import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hortus_server.adapters.embedded.doctor import Check, examine
from hortus_server.adapters.embedded.home import HortusHome
from hortus_server.adapters.embedded.identity import anyone_can_reach
from hortus_server.adapters.embedded.plan import EmbeddedOptions


@pytest.fixture
def home(tmp_path: Path) -> HortusHome:
    home = HortusHome(root=tmp_path / "home", models=tmp_path / "home" / "models")
    home.create()
    return home


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


async def found(options: EmbeddedOptions) -> dict[str, Check]:
    return {check.name: check for check in await examine(options)}


async def test_every_finding_that_is_not_ok_says_how_to_mend_it(home: HortusHome) -> None:
    checks = await found(EmbeddedOptions(home=home))
    assert checks.keys() >= {"python", "memory", "disk", "home", "postgres binaries", "valkey binary", "OpenMP"}
    assert checks.keys() >= {"model weights", "embedding weights", "user namespaces", "ports", "postgres", "model"}
    assert all(check.mend for check in checks.values() if check.outcome != "ok")
    assert checks["model weights"].outcome == "warn"


async def test_a_home_that_does_not_exist_yet_is_no_fault_of_any_check(tmp_path: Path) -> None:
    root = tmp_path / "not" / "made" / "yet"
    checks = await found(EmbeddedOptions(home=HortusHome(root=root, models=root / "models")))
    assert (checks["home"].outcome, checks["home"].detail) == ("ok", f"{root} will be created at the first start")
    # The answer of this machine, whichever it is: the superuser under `/root` may get a refusal that explains.
    assert checks["postgres binaries"].outcome == "ok" or "nobody" in checks["postgres binaries"].detail
    assert not root.exists()


def test_who_can_reach_a_folder_is_told_by_those_above_it_that_exist(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert not anyone_can_reach(closed / "not" / "yet")


async def test_secrets_that_others_can_read_fail(home: HortusHome) -> None:
    (home.root / "secrets").chmod(0o755)
    check = (await found(EmbeddedOptions(home=home)))["home"]
    assert check.outcome == "fail"
    assert check.mend == f"chmod 700 {home.root / 'secrets'}"


async def test_taken_port_fails_only_if_it_was_asked_for(home: HortusHome, taken_port: int) -> None:
    check = (await found(EmbeddedOptions(home=home, ports={"postgres": taken_port})))["ports"]
    assert check.outcome == "fail"
    assert f"postgres {taken_port}" in check.detail


async def test_external_component_that_does_not_answer_fails(home: HortusHome) -> None:
    options = EmbeddedOptions(home=home, external={"HORTUS_QDRANT_URL": "http://127.0.0.1:1"})
    check = (await found(options))["qdrant"]
    assert check.outcome == "fail"
    assert "HORTUS_QDRANT_URL" in check.mend


async def test_checks_of_other_parts_are_included(home: HortusHome) -> None:
    async def sandbox() -> Check:
        return Check(name="sandbox", outcome="ok", detail="bubblewrap")

    checks = await examine(EmbeddedOptions(home=home), extra=[sandbox])
    assert checks[-1].name == "sandbox"
