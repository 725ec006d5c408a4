"""The API process: the edge from settings and services, and its server."""

from datetime import timedelta
from importlib.metadata import version
from ipaddress import ip_network
from urllib.parse import urlsplit

import uvloop

from hortus_server.api.edge import EdgeOptions, EdgePorts, make_edge
from hortus_server.api.people import PeoplePorts
from hortus_server.api.server import make_server
from hortus_server.domain.rates import RateDefaults
from hortus_server.domain.stuck import Patience
from hortus_server.domain.users import LoginRules, OidcRules
from hortus_server.security_settings import OidcSettings
from hortus_server.settings import ApiSettings, Settings
from hortus_server.telemetry.logs import configure_logs
from hortus_server.wiring import Services, load_settings, open_services


def edge_options(settings: ApiSettings, rates: RateDefaults) -> EdgeOptions:
    """The edge's bounds from the settings."""
    secret = settings.cookie_secret.get_secret_value().encode() if settings.cookie_secret else None
    return EdgeOptions(
        version=version("hortus"),
        body_limit_bytes=settings.body_limit_bytes,
        socket_frame_limit_bytes=settings.socket_frame_limit_bytes,
        heartbeat_s=settings.heartbeat_s,
        reader_buffer=settings.reader_buffer,
        connections=settings.connections,
        queue_depth=settings.queue_depth,
        cookie_secret=secret,
        public_origin=_origin(settings.public_url),
        send_timeout_s=settings.send_timeout_s,
        patience=_patience(settings),
        logins=LoginRules(idle=timedelta(seconds=settings.login_idle_s), absolute=timedelta(days=settings.login_days)),
        rates=rates,
        trusted_proxies=tuple(ip_network(str(one)) for one in settings.trusted_proxies),
    )


def edge_ports(services: Services) -> EdgePorts:
    """What the edge takes of a process's services."""
    return EdgePorts(
        store=services.store,
        queue=services.queue,
        live=services.live,
        streams=services.streams,
        webhooks=services.webhooks,
        index=services.memory_index,
        workers=services.workers,
        models=services.models,
        endpoint_reports=services.endpoint_reports,
        buckets=services.buckets,
        probes=services.probes,
        sealer=services.sealer,
        revealed=services.revealed,
        people=PeoplePorts(services.passwords, services.provider, _oidc_rules(services.settings.oidc)),
    )


def run_api() -> None:
    """Serve until a signal."""
    settings = load_settings()
    configure_logs(settings.log, process="api")
    uvloop.run(serve_api(settings))


async def serve_api(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises UnavailableError when PostgreSQL does not answer at the start."""
    async with open_services(settings, role="api") as services:
        edge = make_edge(edge_options(settings.api, settings.limits), edge_ports(services))
        await make_server(edge, settings.api).serve()


def _patience(settings: ApiSettings) -> Patience:
    return Patience(
        queued=timedelta(seconds=settings.stuck_queued_s),
        running=timedelta(seconds=settings.stuck_running_s),
        waiting=timedelta(seconds=settings.stuck_waiting_s),
        paused=timedelta(seconds=settings.stuck_paused_s),
    )


def _oidc_rules(settings: OidcSettings) -> OidcRules:
    return OidcRules(
        domains=frozenset(domain.lower().lstrip("@") for domain in settings.domains),
        role=settings.role,
        roles=settings.roles,
        tenant=settings.tenant or None,
    )


def _origin(url: str | None) -> str | None:
    if url is None:
        return None
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
