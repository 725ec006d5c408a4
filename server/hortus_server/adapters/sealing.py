"""Envelope encryption with AES-256-GCM: a data key for each value, under a key from the environment or a file.

A ring holds several keys, newest first: the first one seals, the others only open what they sealed before. A key's id
is the beginning of a hash of it, so that a stored value names its key without telling anything of it.
"""

import hashlib
import os
import re
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hortus_server.domain.errors import UnavailableError
from hortus_server.domain.secrets import SealedValue
from hortus_server.ports.secrets import SealBrokenError

COMPONENT: Final = "secrets"
KEY_BYTES: Final = 32
MAX_KEYS: Final = 20
_NONCE_BYTES: Final = 12
_ID_CHARS: Final = 16
_WRONG: Final = "a key is 32 random bytes in base64 or hex, as `openssl rand -base64 32` makes them"
_HEX: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class _Key:
    id: str
    cipher: AESGCM

    @classmethod
    def parse(cls, text: str) -> "_Key":
        if _HEX.fullmatch(text.strip()):
            return cls.of(bytes.fromhex(text.strip()))
        try:
            key = b64decode(text.strip().replace("-", "+").replace("_", "/") + "==", validate=False)
        except ValueError as error:
            raise UnavailableError(COMPONENT, _WRONG) from error
        if len(key) != KEY_BYTES:
            raise UnavailableError(COMPONENT, _WRONG)
        return cls.of(key)

    @classmethod
    def of(cls, key: bytes) -> "_Key":
        return cls(hashlib.sha256(b"hortus-key-id\n" + key).hexdigest()[:_ID_CHARS], AESGCM(key))


def new_key() -> str:
    """A fresh key, as settings and files hold it."""
    return urlsafe_b64encode(os.urandom(KEY_BYTES)).decode().rstrip("=")


class KeyRing:
    """See `Sealer`. With a file it looks again when it meets a key that it does not know: rotations reach it alive."""

    def __init__(self, keys: Sequence[str], file: Path | None = None) -> None:
        """Raises UnavailableError when there is no key, or one that is none."""
        self._file = file
        self._ring = _parse(keys)

    @classmethod
    def load(cls, key: str | None, file: Path | None) -> "KeyRing | None":
        """The ring of a comma-separated setting or of a file with a key in each line; None where there is neither.

        Raises UnavailableError for a file that cannot be read, and for what is no key.
        """
        if key:
            return cls(key.split(","))
        return None if file is None else cls(_read(file), file)

    @property
    def key_id(self) -> str:
        """See the port."""
        return next(iter(self._ring))

    @property
    def key_ids(self) -> tuple[str, ...]:
        """All that it can open."""
        return tuple(self._ring)

    def seal(self, value: str, place: str) -> SealedValue:
        """See the port."""
        data_key = os.urandom(KEY_BYTES)
        return SealedValue(_encrypt(AESGCM(data_key), value.encode(), place), self._wrap(data_key, place), self.key_id)

    def open(self, sealed: SealedValue, place: str) -> str:
        """See the port."""
        return _decrypt(AESGCM(self._unwrap(sealed, place)), sealed.value, place).decode()

    def reseal(self, sealed: SealedValue, place: str) -> SealedValue:
        """See the port."""
        return SealedValue(sealed.value, self._wrap(self._unwrap(sealed, place), place), self.key_id)

    def _wrap(self, data_key: bytes, place: str) -> bytes:
        return _encrypt(self._ring[self.key_id].cipher, data_key, place)

    def _unwrap(self, sealed: SealedValue, place: str) -> bytes:
        key = self._ring.get(sealed.key_id) or self._look_again(sealed.key_id)
        if key is None:
            raise SealBrokenError(f"the key {sealed.key_id} is not among this server's keys")
        return _decrypt(key.cipher, sealed.key, place)

    def _look_again(self, key_id: str) -> _Key | None:
        if self._file is None:
            return None
        self._ring = _parse(_read(self._file))
        return self._ring.get(key_id)


def _parse(keys: Sequence[str]) -> dict[str, _Key]:
    parsed = [_Key.parse(text) for text in keys if text.strip()]
    if not 0 < len(parsed) <= MAX_KEYS:
        raise UnavailableError(COMPONENT, f"there must be 1 to {MAX_KEYS} keys; {_WRONG}")
    return {key.id: key for key in parsed}


def _read(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UnavailableError(COMPONENT, f"the key file cannot be read: {error.strerror}") from error


def _encrypt(cipher: AESGCM, content: bytes, place: str) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, content, place.encode())


def _decrypt(cipher: AESGCM, content: bytes, place: str) -> bytes:
    try:
        return cipher.decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], place.encode())
    except (InvalidTag, ValueError) as error:
        raise SealBrokenError("a sealed value was changed or moved, or its key is another one") from error
