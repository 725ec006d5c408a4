"""Prometheus text under vLLM's metric names, so that dashboards and scalers can be tried without a GPU."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from hortus_agents.models.scripted.chat import ChatResponder


class _VllmMetrics(Collector):
    """Reads the responder's counters at each scrape, so that a request pays nothing for them."""

    def __init__(self, responder: ChatResponder, model: str) -> None:
        self._responder = responder
        self._model = model

    def collect(self) -> Iterator[Metric]:
        counters, prefixes = self._responder.counters, self._responder.prefixes
        gauges = (
            ("vllm:num_requests_running", "Requests that are being answered", counters.running),
            ("vllm:num_requests_waiting", "Requests that wait for their first byte", counters.waiting),
        )
        totals = (
            ("vllm:prompt_tokens", "Prompt tokens", counters.prompt_tokens),
            ("vllm:generation_tokens", "Generated tokens", counters.generation_tokens),
            ("vllm:prefix_cache_queries", "Prompt tokens looked up in the prefix cache", prefixes.queried_tokens),
            ("vllm:prefix_cache_hits", "Prompt tokens found in the prefix cache", prefixes.hit_tokens),
        )
        for name, text, value in gauges:
            gauge = GaugeMetricFamily(name, text, labels=["model_name"])
            gauge.add_metric([self._model], value)
            yield gauge
        for name, text, value in totals:
            counter = CounterMetricFamily(name, text, labels=["model_name"])
            counter.add_metric([self._model], value)
            yield counter
        finished = CounterMetricFamily("vllm:request_success", "Answers", labels=["model_name", "finished_reason"])
        for reason, count in counters.finished.items():
            finished.add_metric([self._model, reason], count)
        yield finished


def metrics_registry(responder: ChatResponder, *, model: str) -> CollectorRegistry:
    """A registry of its own: two scripted models in one process do not meet."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_VllmMetrics(responder, model))
    return registry


def metrics_text(registry: CollectorRegistry) -> bytes:
    """The exposition format."""
    return generate_latest(registry)
