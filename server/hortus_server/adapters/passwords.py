"""Argon2id, in threads and a few at a time: each costs as much memory as it says."""

import asyncio
from dataclasses import dataclass, field

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from hortus_server.domain.errors import LimitExceededError

AT_ONCE = 2
WAITING = 64
RETRY_S = 2.0


@dataclass(slots=True)
class Argon2Passwords:
    """See `Passwords`. The costs are argon2-cffi's defaults, the low-memory profile of RFC 9106 (64 MiB)."""

    hasher: PasswordHasher = field(default_factory=PasswordHasher)
    _stand_in: str = ""
    # Keeps more than AT_ONCE hashes from taking memory at the same time.
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _under_way: int = 0

    async def hash(self, password: str) -> str:
        """See the port."""
        return await self._in_thread(password)

    async def verify(self, stored: str | None, password: str) -> bool:
        """See the port."""
        if stored is None:
            if not self._stand_in:
                self._stand_in = await self._in_thread("nobody's password")
            await self._check(self._stand_in, password)
            return False
        return await self._check(stored, password)

    def is_outdated(self, stored: str) -> bool:
        """See the port."""
        return self.hasher.check_needs_rehash(stored)

    async def _check(self, stored: str, password: str) -> bool:
        try:
            return await self._in_thread(password, stored) == stored
        except (VerificationError, InvalidHashError):
            return False

    async def _in_thread(self, password: str, stored: str | None = None) -> str:
        """The hash of a password, or `stored` where it is that password's."""
        if self._under_way >= WAITING:
            raise LimitExceededError("too many sign-ins at the moment", limit=WAITING, retry_after_s=RETRY_S)
        self._under_way += 1
        try:
            async with self._places:
                if stored is None:
                    return await asyncio.to_thread(self.hasher.hash, password)
                await asyncio.to_thread(self.hasher.verify, stored, password)
                return stored
        finally:
            self._under_way -= 1
