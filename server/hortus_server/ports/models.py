"""What services need of the configured models, and of what processes see of their endpoints."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from hortus_agents.models.port import ChatModel


class ChatModels(Protocol):
    """The models that agents may name."""

    async def get(self, name: str, *, affinity: str = "") -> ChatModel:
        """The model of this name; `default` is the configured one. Raises a ModelError when it cannot be told.

        Requests of one `affinity` keep to one endpoint while that is up, so that its prefix cache serves them.
        """
        ...


@dataclass(frozen=True, slots=True)
class EndpointStatus:
    """How a model endpoint does, as one process sees it.

    `state` is that of the circuit, `since` when it last opened or closed, `alive_at` when the
    endpoint last answered this process. `limit` bounds this process's requests;
    `running`, `queued` and `cache` are what the endpoint reports of all its clients, None where it reports nothing.
    """

    url: str
    models: tuple[str, ...]
    state: Literal["closed", "open", "half_open"]
    since: datetime
    alive_at: datetime | None
    last_error: str
    in_flight: int
    limit: int
    waiting: int
    running: float | None
    queued: float | None
    cache: float | None
    answered: int
    failed: int
    refused: int


EndpointStatuses = Callable[[], tuple[EndpointStatus, ...]]
"""What this process sees now."""


@dataclass(frozen=True, slots=True)
class EndpointReport:
    """What one process saw of all its endpoints."""

    process_id: str
    at: datetime
    endpoints: tuple[EndpointStatus, ...]


class EndpointReports(Protocol):
    """Where processes tell each other of their endpoints. Nothing durable: a report is gone when its process is."""

    async def publish(self, report: EndpointReport) -> None:
        """Replace this process's report. Never raises: the next one makes up for it."""
        ...

    async def list(self) -> tuple[EndpointReport, ...]:
        """The reports of processes that live, by process. Raises UnavailableError when nobody can tell."""
        ...
