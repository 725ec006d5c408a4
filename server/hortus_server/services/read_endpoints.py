"""How the model endpoints are, as the processes that use them see it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from hortus_server.ports.models import EndpointReport, EndpointReports, EndpointStatus


@dataclass(frozen=True, slots=True)
class EndpointSight:
    """What one process sees of an endpoint."""

    process_id: str
    at: datetime
    status: EndpointStatus


@dataclass(frozen=True, slots=True)
class EndpointView:
    """One endpoint: `up` where no process sees it down, `partly` where another had an answer since then, else `down`.

    A process that did not ask it since cannot tell. `down_since` is the latest time that a process gives which sees it
    down; `last_error` is the newest reason.
    """

    url: str
    models: tuple[str, ...]
    state: Literal["up", "partly", "down"]
    down_since: datetime | None
    last_error: str
    sights: tuple[EndpointSight, ...]


@dataclass(frozen=True, slots=True)
class ReadEndpoints:
    """All endpoints that a process has reported lately."""

    reports: EndpointReports

    async def __call__(self) -> tuple[EndpointView, ...]:
        """By address. Raises UnavailableError when nobody can tell."""
        return view_endpoints(await self.reports.list())


def view_endpoints(reports: Sequence[EndpointReport]) -> tuple[EndpointView, ...]:
    """What the reports say together."""
    sights: dict[str, list[EndpointSight]] = {}
    for report in reports:
        for status in report.endpoints:
            sights.setdefault(status.url, []).append(EndpointSight(report.process_id, report.at, status))
    return tuple(_view(url, tuple(found)) for url, found in sorted(sights.items()))


def _view(url: str, sights: tuple[EndpointSight, ...]) -> EndpointView:
    down = [sight for sight in sights if sight.status.state != "closed"]
    newest = max(down, key=lambda sight: sight.at, default=None)
    since = max((sight.status.since for sight in down), default=None)
    answers = [sight.status.alive_at for sight in sights if sight.status.state == "closed" and sight.status.alive_at]
    answered = since is not None and any(alive_at > since for alive_at in answers)
    return EndpointView(
        url=url,
        models=tuple(dict.fromkeys(model for sight in sights for model in sight.status.models)),
        state="up" if since is None else "partly" if answered else "down",
        down_since=since,
        last_error="" if newest is None else newest.status.last_error,
        sights=sights,
    )
