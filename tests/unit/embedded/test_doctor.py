import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hortus_server.adapters.embedded.doctor import Check, examine
from hortus_server.adapters.embedded.home import HortusHome
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
