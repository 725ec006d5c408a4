"""What services need of an OpenID Connect provider: where to send a browser, and who came back."""

from dataclasses import dataclass
from typing import Protocol

from hortus_server.domain.users import OidcIdentity


@dataclass(frozen=True, slots=True)
class OidcAttempt:
    """One attempt to sign in, bound to one browser: what its answer has to match."""

    state: str
    nonce: str
    verifier: str


class IdentityProvider(Protocol):
    """One provider, trusted by this installation."""

    @property
    def label(self) -> str:
        """What people call it."""
        ...

    async def address(self, attempt: OidcAttempt, *, redirect_uri: str) -> str:
        """Where the browser goes to sign in. Raises UnavailableError."""
        ...

    async def identify(self, code: str, attempt: OidcAttempt, *, redirect_uri: str) -> OidcIdentity:
        """Who signed in there.

        Raises UnauthenticatedError for an answer that is not valid, UnavailableError when the provider is down.
        """
        ...
