"""The model endpoints over HTTP, as workers have reported them."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from backends import Caller, is_problem

from hortus_server.api.edge import EdgePorts
from hortus_server.ports.models import EndpointReport, EndpointStatus

SINCE = datetime(2026, 11, 2, 12, tzinfo=UTC)


def status(url: str, *, down: bool = False) -> EndpointStatus:
    return EndpointStatus(
        url, ("qwen",), "open" if down else "closed", SINCE, SINCE, "refused" if down else "",
        in_flight=2, limit=64, waiting=1, running=3.0, queued=0.0, cache=0.25, answered=5, failed=4, refused=3,
    )  # fmt: skip


async def test_each_endpoint_is_shown_with_what_the_processes_see(admin: Caller, ports: EdgePorts) -> None:
    assert (await admin.get("/v1/admin/models")).json() == {"items": []}
    assert ports.endpoint_reports is not None
    now = datetime.now(UTC)
    await ports.endpoint_reports.publish(
        EndpointReport("w1", now, (status("http://a/v1", down=True), status("http://b/v1")))
    )
    await ports.endpoint_reports.publish(EndpointReport("w2", now + timedelta(seconds=1), (status("http://b/v1"),)))
    first, second = (await admin.get("/v1/admin/models")).json()["items"]
    assert (first["url"], first["state"], first["last_error"]) == ("http://a/v1", "down", "refused")
    assert first["down_since"] == "2026-11-02T12:00:00Z"
    assert (second["state"], second["down_since"]) == ("up", None)
    assert [one["process_id"] for one in second["processes"]] == ["w1", "w2"]
    (seen,) = first["processes"]
    assert (seen["circuit"], seen["limit"], seen["in_flight"], seen["cache"]) == ("open", 64, 2, 0.25)


async def test_only_administrators_see_them(make_caller: Callable[..., Awaitable[Caller]]) -> None:
    reader = await make_caller("runs:read", "agents:read")
    is_problem(await reader.get("/v1/admin/models"), 403, "forbidden")
