"""The admin UI's login with a key: a signed, expiring token that ends with the very secret that was shown for it."""

import base64
import hmac
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass

import orjson

from hortus_server.domain.errors import UnauthenticatedError
from hortus_server.ports.identity_provider import OidcAttempt

COOKIE = "hortus_login"
# Browsers take a cookie of such a name only over TLS, for this very host and all of its paths.
SECURE_COOKIE = f"__Host-{COOKIE}"
LIFETIME_S = 12 * 3600
_FIELDS = struct.Struct(">32sQ")  # hash of the key's secret, end in seconds since the epoch


def cookie_name(*, secure: bool) -> str:
    """The login's cookie; over TLS the plain name is not even looked at."""
    return SECURE_COOKIE if secure else COOKIE


@dataclass(frozen=True, slots=True)
class CookieSigner:
    """Make and check tokens: the fields and their HMAC-SHA256, both in URL-safe base64."""

    secret: bytes
    clock: Callable[[], float] = time.time

    def sign(self, secret_sha256: bytes) -> str:
        """A token for a secret that was just presented. Whoever reads it learns a hash of 256 random bits."""
        fields = _FIELDS.pack(secret_sha256, int(self.clock()) + LIFETIME_S)
        return f"{_encode(fields)}.{_encode(self._mac(fields))}"

    def read(self, token: str) -> bytes:
        """The hash of the secret that it stands for. Raises UnauthenticatedError when it is not ours or has expired."""
        text, _, mac = token.partition(".")
        fields = _decode(text)
        if len(fields) != _FIELDS.size or not hmac.compare_digest(self._mac(fields), _decode(mac)):
            raise UnauthenticatedError("the login cookie is not valid")
        secret_sha256, ends_at = _FIELDS.unpack(fields)
        if ends_at <= self.clock():
            raise UnauthenticatedError("the login has expired")
        return bytes(secret_sha256)

    def _mac(self, fields: bytes) -> bytes:
        return hmac.digest(self.secret, b"hortus-login-2" + fields, "sha256")


def _encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _decode(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return b""


ATTEMPT_COOKIE = "hortus_oidc"
ATTEMPT_LIFETIME_S = 600


def attempt_cookie(*, secure: bool) -> str:
    """The cookie of an attempt to sign in with the identity provider."""
    return f"__Host-{ATTEMPT_COOKIE}" if secure else ATTEMPT_COOKIE


@dataclass(frozen=True, slots=True)
class AttemptSigner:
    """Binds an attempt at the identity provider to the browser that began it; the server keeps nothing of it."""

    secret: bytes
    clock: Callable[[], float] = time.time

    def sign(self, attempt: OidcAttempt, *, return_to: str) -> str:
        """A token for the browser's cookie."""
        ends_at = int(self.clock()) + ATTEMPT_LIFETIME_S
        fields = orjson.dumps([attempt.state, attempt.nonce, attempt.verifier, return_to, ends_at])
        return f"{_encode(fields)}.{_encode(self._mac(fields))}"

    def read(self, token: str) -> tuple[OidcAttempt, str]:
        """The attempt, and where to go then. Raises UnauthenticatedError when it is not ours or has expired."""
        text, _, mac = token.partition(".")
        fields = _decode(text)
        if not hmac.compare_digest(self._mac(fields), _decode(mac)):
            raise UnauthenticatedError("the sign-in was not begun in this browser")
        state, nonce, verifier, return_to, ends_at = orjson.loads(fields)
        if ends_at <= self.clock():
            raise UnauthenticatedError("signing in took too long; begin again")
        return OidcAttempt(state, nonce, verifier), return_to

    def _mac(self, fields: bytes) -> bytes:
        return hmac.digest(self.secret, b"hortus-oidc-1" + fields, "sha256")
