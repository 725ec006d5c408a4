"""Values open under their key, at their place, and in no other way."""

from dataclasses import replace
from pathlib import Path

import pytest

from hortus_server.adapters.embedded.home import HortusHome
from hortus_server.adapters.sealing import KeyRing, new_key
from hortus_server.domain.errors import UnavailableError
from hortus_server.ports.secrets import SealBrokenError

OLD, NEW = new_key(), new_key()


def test_a_value_opens_at_its_place_only() -> None:
    ring = KeyRing([NEW])
    sealed = ring.seal("hunter22", "tenant/a/1")
    assert ring.open(sealed, "tenant/a/1") == "hunter22"
    assert b"hunter22" not in sealed.value + sealed.key
    assert ring.seal("hunter22", "tenant/a/1") != sealed
    for broken in (
        replace(sealed, value=sealed.value[:-1] + bytes([sealed.value[-1] ^ 1])),
        replace(sealed, key=sealed.key[:-1] + bytes([sealed.key[-1] ^ 1])),
        replace(sealed, value=b""),
        replace(sealed, key_id="0" * 16),
    ):
        with pytest.raises(SealBrokenError) as raised:
            ring.open(broken, "tenant/a/1")
        assert "hunter22" not in str(raised.value)
    with pytest.raises(SealBrokenError):
        ring.open(sealed, "tenant/b/1")


def test_a_ring_opens_what_its_older_keys_sealed_and_seals_with_the_newest() -> None:
    sealed = KeyRing([OLD]).seal("hunter22", "p")
    ring = KeyRing([NEW, OLD])
    assert ring.open(sealed, "p") == "hunter22"
    resealed = ring.reseal(sealed, "p")
    assert (resealed.key_id, resealed.value) == (ring.key_id, sealed.value)
    assert KeyRing([NEW]).open(resealed, "p") == "hunter22"
    with pytest.raises(SealBrokenError, match="is not among this server's keys"):
        KeyRing([NEW]).open(sealed, "p")


def test_a_running_process_finds_a_key_that_was_put_into_its_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(OLD)
    running = KeyRing.load(None, file)
    assert running is not None
    file.write_text(f"{NEW}\n{OLD}\n")
    assert running.open(KeyRing([NEW]).seal("hunter22", "p"), "p") == "hunter22"
    assert running.key_id == KeyRing([NEW]).key_id


@pytest.mark.parametrize("key", ["short", "x" * 60, "!" * 43, " , "])
def test_what_is_no_key_is_refused_with_what_to_do(key: str) -> None:
    with pytest.raises(UnavailableError, match="openssl rand -base64 32"):
        KeyRing.load(key, None)


def test_a_key_may_be_written_in_hex() -> None:
    ring = KeyRing.load("00" * 32, None)
    assert ring is not None
    assert ring.key_id == KeyRing(["A" * 43]).key_id


def test_without_a_key_there_is_no_ring_and_a_missing_file_is_told(tmp_path: Path) -> None:
    assert KeyRing.load(None, None) is None
    with pytest.raises(UnavailableError, match="cannot be read"):
        KeyRing.load(None, tmp_path / "none")


def test_the_secret_that_a_home_makes_is_a_key_and_its_own(tmp_path: Path) -> None:
    home = HortusHome(tmp_path / "home", tmp_path / "models")
    home.create()
    file = home.secret_file("secrets_key")
    assert file.stat().st_mode & 0o777 == 0o600
    ring = KeyRing.load(None, file)
    assert ring is not None
    assert ring.open(ring.seal("hunter22", "p"), "p") == "hunter22"
