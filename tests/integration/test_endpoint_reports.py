"""Processes tell each other of their model endpoints through Valkey, and nothing rests on it."""

from datetime import UTC, datetime, timedelta

import pytest
from fixtures_valkey import ValkeyServer

from hortus_agents.models.circuit import CircuitState
from hortus_server.adapters.redis.client import connect_redis
from hortus_server.adapters.redis.endpoint_reports import RedisEndpointReports
from hortus_server.domain.errors import UnavailableError
from hortus_server.ports.models import EndpointReport, EndpointStatus
from hortus_server.services.read_endpoints import view_endpoints
from hortus_server.services.report_endpoints import ReportEndpoints

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)


def status(
    url: str = "http://a/v1", state: CircuitState = "closed", *, minutes: int = 0, models: str = "qwen"
) -> EndpointStatus:
    at = NOW - timedelta(minutes=minutes)
    return EndpointStatus(
        url, tuple(models.split()), state, at, at, "" if state == "closed" else "refused",
        in_flight=1, limit=64, waiting=0, running=3.0, queued=0.0, cache=None, answered=5, failed=0, refused=0,
    )  # fmt: skip


def report(process: str, *statuses: EndpointStatus) -> EndpointReport:
    return EndpointReport(process, datetime.now(UTC), statuses)


async def test_reports_come_back_whole_and_the_newest_counts(own_valkey: ValkeyServer) -> None:
    redis = connect_redis(own_valkey.url, timeout_s=3)
    reports = RedisEndpointReports(redis, 3)
    first, second = report("w1", status()), report("w2", status(), status("http://b/v1", "open", minutes=3))
    for each in (report("w1", status(state="open")), first, second):
        await reports.publish(each)
    assert await reports.list() == (first, second)
    own_valkey.stop()
    await reports.publish(first)
    with pytest.raises(UnavailableError):
        await reports.list()
    own_valkey.start()
    assert await reports.list() == ()
    await reports.publish(first)
    assert await reports.list() == (first,)
    await redis.aclose()


async def test_a_change_is_reported_at_once(own_valkey: ValkeyServer) -> None:
    redis = connect_redis(own_valkey.url, timeout_s=3)
    reports = RedisEndpointReports(redis, 3)
    seen = [status()]
    reporting = ReportEndpoints(reports, "w1", lambda: tuple(seen), every_s=60)
    async with reporting.reporting():
        while not await reports.list():
            pass
        seen[:] = [status(state="open")]
        reporting.note_change()
        while (await reports.list())[0].endpoints[0].state == "closed":
            pass
    await redis.aclose()


def test_an_endpoint_is_down_where_no_process_can_use_it() -> None:
    views = view_endpoints([
        report("w1", status("http://a/v1", "open", minutes=5), status("http://b/v1", "half_open", minutes=2)),
        report("w2", status("http://a/v1", "open", minutes=7), status("http://b/v1"), status("http://c/v1")),
        report("w3", status("http://a/v1", minutes=30)),  # which did not ask it since
    ])  # fmt: skip
    assert [(view.url, view.state) for view in views] == [
        ("http://a/v1", "down"),
        ("http://b/v1", "partly"),
        ("http://c/v1", "up"),
    ]
    assert views[0].down_since == NOW - timedelta(minutes=5)
    assert (views[0].last_error, views[2].last_error, views[2].down_since) == ("refused", "", None)
    assert [sight.process_id for sight in views[1].sights] == ["w1", "w2"]
