"""Which user is calling: from the token in a login cookie."""

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta

from hortus_server.domain.errors import UnauthenticatedError
from hortus_server.domain.ids import UserId
from hortus_server.domain.users import LiveLogin
from hortus_server.ports.store import Store
from hortus_server.services.cache_briefly import BriefCache

CACHE_TTL_S = 5.0  # so long a login that was ended may still work on another process
TOKEN_MARK = "hl_"  # noqa: S105 - tells logins from other cookies, and is no secret


@dataclass(frozen=True, slots=True)
class AuthenticateLogin:
    """Look logins up by the hash of their token.

    A role that changed and a login that ended are seen at once by the process that did it and within `CACHE_TTL_S`
    elsewhere; a move to another tenant at once everywhere, since it changes the token.
    """

    store: Store
    idle: timedelta
    _cache: BriefCache[bytes, LiveLogin] = field(default_factory=lambda: BriefCache(CACHE_TTL_S))

    async def by_digest(self, digest: bytes) -> LiveLogin:
        """The login whose token has this hash. Raises UnauthenticatedError when it is unknown, ended or expired."""
        found = await self._cache.get(digest, lambda: self._find(digest))
        if found is None:
            raise UnauthenticatedError("the login has ended; sign in again")
        return found

    def knows(self, digest: bytes) -> bool:
        """Whether the token with this hash can be judged without asking the database."""
        return self._cache.holds(digest)

    def forget(self, user_id: UserId) -> None:
        """Drop what is cached of a user, because it was changed here."""
        self._cache.forget(lambda live: live.login.user_id == user_id)

    def forget_all(self) -> None:
        """Drop everything, because a tenant was changed here."""
        self._cache.forget(lambda _live: True)

    async def _find(self, digest: bytes) -> LiveLogin | None:
        async with self.store.system_transaction() as uow:
            return await uow.logins.find(digest, idle=self.idle)


def token_digest(token: str) -> bytes:
    """What is stored of a login's token, or of a one-time link: both are random, so a fast hash is enough."""
    return hashlib.sha256(token.encode()).digest()
