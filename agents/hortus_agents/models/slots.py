"""Bounds how many requests of this process are under way at one endpoint."""

import asyncio
from collections import deque

from hortus_agents.errors import ModelUnavailableError


class RequestSlots:
    """`limit` slots that may change at any time; who waits is served in order, bounded in number and time.

    Belongs to one event loop. Lowering the limit takes no slot away: what is under way goes on, and no other begins.
    """

    def __init__(self, limit: int, *, waiters: int) -> None:
        self._limit = limit
        self._most_waiters = waiters
        self._queue: deque[asyncio.Future[None]] = deque()
        self.taken = 0

    @property
    def limit(self) -> int:
        """Requests that may be under way."""
        return self._limit

    @property
    def waiting(self) -> int:
        """Requests that wait for a slot."""
        return len(self._queue)

    def resize(self, limit: int) -> None:
        """Change the limit, at least 1; whoever waits for room that is now there goes on."""
        self._limit = max(1, limit)
        self._pass_on()

    def try_take(self) -> bool:
        """A slot if one is free and nobody waits for it."""
        if self.taken >= self._limit or self.waiting:
            return False
        self.taken += 1
        return True

    async def take(self, *, within_s: float) -> None:
        """Wait for a slot.

        Raises:
            ModelUnavailableError: too many wait already, or none got free in time.
        """
        if self.try_take():
            return
        if self.waiting >= self._most_waiters:
            raise ModelUnavailableError(f"{self._most_waiters} requests wait for the endpoint already")
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(waiter)
        try:
            async with asyncio.timeout(within_s):
                await waiter
        except TimeoutError as error:
            self._leave(waiter)
            raise ModelUnavailableError(f"no slot of the endpoint got free within {within_s:g} s") from error
        except asyncio.CancelledError:
            self._leave(waiter)
            raise

    def give_back(self) -> None:
        """The request is over."""
        self.taken -= 1
        self._pass_on()

    def _pass_on(self) -> None:
        while self._queue and self.taken < self._limit:
            waiter = self._queue.popleft()
            if not waiter.done():
                self.taken += 1
                waiter.set_result(None)

    def _leave(self, waiter: "asyncio.Future[None]") -> None:
        if waiter in self._queue:
            self._queue.remove(waiter)
        elif not waiter.cancelled():  # the slot came in the very moment in which its waiter gave up
            self.give_back()
