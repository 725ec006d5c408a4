"""What doctor says of the key that seals secrets."""

from pathlib import Path

import pytest

from hortus_server.adapters.sealing import new_key
from hortus_server.cli.secrets_check import check_secrets_key


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HORTUS_SECRETS_KEY", "HORTUS_SECRETS_KEY_FILE", "HORTUS_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HORTUS_HOME", str(tmp_path))
    return tmp_path


async def test_no_key_is_a_warning_that_says_what_to_do() -> None:
    check = await check_secrets_key()
    assert (check.outcome, check.detail) == ("warn", "none: secrets cannot be stored")
    assert "hortus secrets new-key" in check.mend


async def test_what_is_no_key_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HORTUS_SECRETS_KEY", "short")
    assert (await check_secrets_key()).outcome == "fail"


async def test_a_key_that_others_may_read_fails(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = home / "key"
    file.write_text(new_key())
    monkeypatch.setenv("HORTUS_SECRETS_KEY_FILE", str(file))
    file.chmod(0o644)
    check = await check_secrets_key()
    assert (check.outcome, check.mend) == ("fail", f"chmod 600 {file}")
    file.chmod(0o600)
    assert (await check_secrets_key()).outcome == "ok"
