"""One OpenID Connect provider over HTTP: discovery, the code's exchange, and an id token checked against its keys.

OpenID Connect Core 1.0 section 3.1 with PKCE (RFC 7636, S256).
"""

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
import jwt
import orjson

from hortus_server.domain.errors import UnauthenticatedError, UnavailableError
from hortus_server.domain.users import OidcIdentity
from hortus_server.ports.identity_provider import OidcAttempt
from hortus_server.security_settings import OidcSettings

COMPONENT = "identity provider"
# Never "none", never a shared secret: the key is the provider's.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
REQUIRED = ("iss", "sub", "aud", "exp", "iat")
LEEWAY_S = 60
FRESH_S = 3600.0  # so long what was discovered is believed
KEYS_PAUSE_S = 10.0  # between two looks for keys that were not there
LARGEST_ANSWER = 1_048_576
REFUSED = "the identity provider's answer is not valid; sign in again"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(slots=True)
class OidcProvider:
    """See `IdentityProvider`. Discovery and keys are read when they are first needed and kept for an hour."""

    settings: OidcSettings
    http: aiohttp.ClientSession
    monotonic: Callable[[], float] = time.monotonic
    _found: Mapping[str, Any] = field(default_factory=dict)
    _found_at: float = 0.0
    _keys: jwt.PyJWKSet | None = None
    _keys_at: float = 0.0
    # One look at the provider at a time.
    _look: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def label(self) -> str:
        """See the port."""
        return self.settings.name

    async def address(self, attempt: OidcAttempt, *, redirect_uri: str) -> str:
        """See the port."""
        found = await self._discover()
        digest = hashlib.sha256(attempt.verifier.encode()).digest()
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self.settings.client_id,
                "redirect_uri": redirect_uri,
                "scope": " ".join(self.settings.scopes),
                "state": attempt.state,
                "nonce": attempt.nonce,
                "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
                "code_challenge_method": "S256",
            }
        )
        endpoint = str(found["authorization_endpoint"])
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{query}"

    async def identify(self, code: str, attempt: OidcAttempt, *, redirect_uri: str) -> OidcIdentity:
        """See the port."""
        found = await self._discover()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "client_id": self.settings.client_id,
            "code_verifier": attempt.verifier,
        }
        if self.settings.client_secret is not None:
            form["client_secret"] = self.settings.client_secret.get_secret_value()
        status, answer = await self._ask("POST", str(found["token_endpoint"]), data=form)
        token = answer.get("id_token")
        if status != 200 or not isinstance(token, str):  # noqa: PLR2004 - HTTP's own number
            raise UnauthenticatedError(REFUSED)
        claims = await self._claims(token)
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), attempt.nonce.encode()):
            raise UnauthenticatedError(REFUSED)
        return self._identity(claims)

    async def _claims(self, token: str) -> Mapping[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            key = await self._key(str(header.get("kid", "")), str(header.get("alg", "")))
            claims: Mapping[str, Any] = jwt.decode(
                token,
                key,
                algorithms=list(ALGORITHMS),
                audience=self.settings.client_id,
                issuer=self.settings.issuer,
                leeway=LEEWAY_S,
                options={"require": list(REQUIRED)},
            )
        except jwt.PyJWTError as error:
            raise UnauthenticatedError(REFUSED) from error
        # A token for several audiences says in `azp` which one asked for it.
        if claims.get("azp", self.settings.client_id) != self.settings.client_id:
            raise UnauthenticatedError(REFUSED)
        return claims

    async def _key(self, kid: str, algorithm: str) -> jwt.PyJWK:
        if algorithm not in ALGORITHMS:
            raise UnauthenticatedError(REFUSED)
        for again in (False, True):
            keys = [key for key in await self._key_set(again=again) if key.public_key_use in {None, "sig"}]
            fitting = [key for key in keys if key.key_id == kid] if kid else keys
            if len(fitting) == 1:
                return fitting[0]
        raise UnauthenticatedError(REFUSED)

    async def _key_set(self, *, again: bool) -> list[jwt.PyJWK]:
        """The provider's keys; `again` when one was missing, since providers rotate theirs."""
        found = await self._discover()
        async with self._look:
            age = self.monotonic() - self._keys_at
            if self._keys is None or age > FRESH_S or (again and age > KEYS_PAUSE_S):
                status, answer = await self._ask("GET", str(found["jwks_uri"]))
                if status != 200:  # noqa: PLR2004 - HTTP's own number
                    raise UnavailableError(COMPONENT, "its keys cannot be read")
                try:
                    self._keys = jwt.PyJWKSet.from_dict(dict(answer))
                except jwt.PyJWTError as error:
                    raise UnavailableError(COMPONENT, "its keys cannot be read") from error
                self._keys_at = self.monotonic()
            return self._keys.keys

    async def _discover(self) -> Mapping[str, Any]:
        async with self._look:
            if self._found and self.monotonic() - self._found_at <= FRESH_S:
                return self._found
            address = f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration"
            status, found = await self._ask("GET", address)
            needed = ("authorization_endpoint", "token_endpoint", "jwks_uri")
            if status != 200 or not all(isinstance(found.get(name), str) for name in needed):  # noqa: PLR2004
                raise UnavailableError(COMPONENT, "its discovery document cannot be read")
            if found.get("issuer") != self.settings.issuer:
                raise UnavailableError(COMPONENT, "its discovery document is another issuer's")
            if not all(_is_safe(str(found[name])) for name in needed):
                raise UnavailableError(COMPONENT, "its discovery document names an address without TLS")
            self._found, self._found_at = found, self.monotonic()
            return found

    async def _ask(self, method: str, url: str, **more: Any) -> tuple[int, Mapping[str, Any]]:
        try:
            async with (
                asyncio.timeout(self.settings.timeout_s),
                self.http.request(method, url, allow_redirects=False, **more) as answer,
            ):
                text = b""
                async for chunk in answer.content.iter_chunked(65_536):
                    text += chunk
                    if len(text) > LARGEST_ANSWER:
                        raise UnavailableError(COMPONENT, "its answer is too large")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnavailableError(COMPONENT, "no answer") from error
        try:
            found = orjson.loads(text)
        except orjson.JSONDecodeError:
            found = {}
        return answer.status, found if isinstance(found, dict) else {}

    def _identity(self, claims: Mapping[str, Any]) -> OidcIdentity:
        held = claims.get(self.settings.role_claim) if self.settings.role_claim else None
        roles = [held] if isinstance(held, str) else held if isinstance(held, list) else []
        return OidcIdentity(
            issuer=str(claims["iss"]),
            subject=str(claims["sub"])[:255],
            email=_plain(str(claims.get("email", ""))[:320].strip()),
            email_verified=claims.get("email_verified") is True,
            name=str(claims.get("name", ""))[:100].strip(),
            roles=tuple(str(role) for role in roles[:100]),
        )


def _plain(email: str) -> str:
    """In lower case; empty for letters that only fold into others, as the sign for kelvin does into a k."""
    lowered = email.lower()
    return lowered if lowered.isascii() == email.isascii() else ""


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


@asynccontextmanager
async def open_oidc(settings: OidcSettings) -> AsyncIterator[OidcProvider | None]:
    """None where no provider is configured."""
    if not settings.issuer:
        yield None
        return
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        yield OidcProvider(settings, http)
