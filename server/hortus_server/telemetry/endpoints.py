"""Prometheus metrics of the model endpoints, read from their state at each scrape."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from hortus_server.ports.models import EndpointStatus, EndpointStatuses

_GAUGES: tuple[tuple[str, str, Callable[[EndpointStatus], float | None]], ...] = (
    ("hortus_model_endpoint_up", "1 while the circuit is closed", lambda one: float(one.state == "closed")),
    ("hortus_model_endpoint_in_flight", "Requests of this process under way", lambda one: one.in_flight),
    ("hortus_model_endpoint_limit", "Bound on requests of this process", lambda one: one.limit),
    ("hortus_model_endpoint_waiting", "Requests that wait for a slot", lambda one: one.waiting),
    ("hortus_model_endpoint_running", "Requests running there, as it reports", lambda one: one.running),
    ("hortus_model_endpoint_queued", "Requests queued there, as it reports", lambda one: one.queued),
    ("hortus_model_endpoint_cache_ratio", "Share of its KV cache in use, as it reports", lambda one: one.cache),
)


class _EndpointCollector(Collector):
    def __init__(self, statuses: EndpointStatuses) -> None:
        self._statuses = statuses

    def collect(self) -> Iterator[Metric]:
        """Plain reads of numbers: the thread that serves metrics needs no lock for them."""
        statuses = self._statuses()
        for name, text, value_of in _GAUGES:
            gauge = GaugeMetricFamily(name, text, labels=["endpoint"])
            for status in statuses:
                value = value_of(status)
                if value is not None:
                    gauge.add_metric([status.url], value)
            yield gauge
        requests = CounterMetricFamily(
            "hortus_model_endpoint_requests", "Requests of this process, by outcome", labels=["endpoint", "outcome"]
        )
        for status in statuses:
            for outcome, count in (
                ("answered", status.answered),
                ("failed", status.failed),
                ("refused", status.refused),
            ):
                requests.add_metric([status.url, outcome], count)
        yield requests


def register_endpoint_metrics(registry: CollectorRegistry, statuses: EndpointStatuses) -> Callable[[], None]:
    """Show the endpoints in `registry`; the function that is returned takes them off."""
    collector = _EndpointCollector(statuses)
    registry.register(collector)
    return lambda: registry.unregister(collector)
