"""Prometheus metrics of one API process; a process has one port, so each is scraped by itself."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

LATENCY_BUCKETS_S = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class EdgeMetrics:
    """Counters of the edge. Labels are bounded: route templates, never paths, and never tenants."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "hortus_http_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self.latency = Histogram(
            "hortus_http_request_duration_seconds",
            "Time until the answer was sent; streams are left out.",
            ("method", "route"),
            buckets=LATENCY_BUCKETS_S,
            registry=self.registry,
        )
        self.streams_open = Gauge("hortus_streams_open", "Streams open now.", ("transport",), registry=self.registry)
        self.streams_closed = Counter(
            "hortus_streams_closed", "Streams that the server closed, by close code.", ("code",), registry=self.registry
        )
        self.frames = Counter(
            "hortus_stream_frames", "Frames sent on streams.", ("transport", "type"), registry=self.registry
        )
        self.runs_submitted = Counter("hortus_runs_submitted", "Runs accepted.", registry=self.registry)
        self.runs_stuck = Gauge(
            "hortus_runs_stuck",
            "Runs without an event for too long, of the whole installation: the same on each API.",
            ("status",),
            registry=self.registry,
        )

    def render(self) -> bytes:
        """The text exposition format."""
        return generate_latest(self.registry)
