"""How the death of a worker process is noticed: each holds something that the store takes back when it dies."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from hortus_server.domain.ids import RunId


@dataclass(frozen=True, slots=True)
class Sight:
    """One look at the other workers: how many are registered, and which of them show no sign of life."""

    others: int
    gone: tuple[str, ...]


class Watch(Protocol):
    """A process's open eye. Every method raises UnavailableError once the connection under it is lost."""

    async def look(self) -> Sight:
        """Who is there; one query, whose cost is the number of workers and not that of runs."""
        ...

    async def bury(self, workers: Sequence[str]) -> tuple[RunId, ...]:
        """Look again at these; end the leases of those that are still gone, and strike them off.

        Returns the runs that somebody may claim now, and a bounded number of queued ones: their wake-ups may have lain
        with the dead. What another process buries at the same time is left to it.
        """
        ...

    async def expire_own(self) -> tuple[RunId, ...]:
        """End leases that an earlier process of the same name left behind."""
        ...

    async def rest(self, seconds: float) -> None:
        """Wait, but notice at once when the connection breaks."""
        ...


class WorkerPresence(Protocol):
    """Signs of life, in the store."""

    def watch(self, worker_id: str | None) -> AbstractAsyncContextManager[Watch]:
        """Be present under this id, or only watch with None, while the block runs.

        A cancellation is the orderly end, which strikes the id off. Raises UnavailableError, and ConflictError while
        another process is present under the id.
        """
        ...
