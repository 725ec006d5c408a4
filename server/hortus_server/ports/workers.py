"""What the API needs of the fleet of workers. Nothing durable rests on it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """One worker process, as it answered just now."""

    id: str
    hostname: str
    pid: int
    state: Literal["running", "draining"]
    queues: tuple[str, ...]
    concurrency: int
    active: int
    seen_at: datetime


class WorkerControl(Protocol):
    """Remote control. Raises UnavailableError when the broker cannot be reached."""

    async def list(self) -> tuple[WorkerInfo, ...]:
        """Workers that answered within about a second, by id."""
        ...

    async def drain(self, worker_id: str) -> WorkerInfo:
        """Take no new runs; the running ones go on. Raises NotFoundError when no such worker answers."""
        ...

    async def resume(self, worker_id: str) -> WorkerInfo:
        """Take runs again. Raises NotFoundError when no such worker answers."""
        ...
