"""What doctor says of the environment's variables."""

from pathlib import Path

import pytest

from hortus_server.cli.settings_check import check_settings, unknown_variables


@pytest.fixture(autouse=True)
def _bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for group in ("DATABASE", "BROKER", "QDRANT", "MODEL", "EMBEDDING"):
        monkeypatch.delenv(f"HORTUS_{group}_URL", raising=False)
    monkeypatch.setenv("HORTUS_HOME", str(tmp_path))


async def test_what_hortus_up_gives_by_itself_is_not_missed() -> None:
    assert (await check_settings()).outcome != "fail"


async def test_a_misspelt_setting_of_a_group_would_stop_the_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HORTUS_WORKER_LEASE", "5")
    check = await check_settings()
    assert check.outcome == "fail"
    assert "HORTUS_WORKER_LEASE: there is no such setting" in check.detail


def test_a_variable_that_nothing_reads_is_named() -> None:
    environment = {
        "HORTUS_DATABSE_URL": "x",
        "HORTUS_URL": "x",
        "HORTUS_API_PORT": "1",
        "HORTUS_HOME": "/",
        "HOME": "/",
    }
    assert unknown_variables(environment) == ["HORTUS_DATABSE_URL: there is no such setting"]
