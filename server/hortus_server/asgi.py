"""The API process: uvicorn around the application, and an end that open streams notice at once."""

import socket
from datetime import timedelta
from importlib.metadata import version
from ipaddress import ip_network
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI

from hortus_server.api.app import create_app
from hortus_server.api.edge import Edge, EdgeOptions, EdgePorts, make_edge
from hortus_server.api.http_protocol import ConnectionBounds, bounded_protocol
from hortus_server.api.people import PeoplePorts
from hortus_server.domain.rates import RateDefaults
from hortus_server.domain.stuck import Patience
from hortus_server.domain.users import LoginRules, OidcRules
from hortus_server.settings import ApiSettings, OidcSettings, Settings
from hortus_server.wiring import Services, open_services

PROBE_PLACES = 64  # connections beyond the streams' own, so that probes and short requests get through


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


class ApiServer(uvicorn.Server):
    """Tells streams of the shutdown before it waits for them; sockets are closed with 1012, so clients come back."""

    def __init__(self, config: uvicorn.Config, edge: Edge) -> None:
        super().__init__(config)
        self._edge = edge

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, end the streams, wait for the rest."""
        self._edge.registry.stop()
        await super().shutdown(sockets)


def _bounds(settings: ApiSettings, rates: RateDefaults) -> ConnectionBounds:
    return ConnectionBounds(
        connections=settings.connections + PROBE_PLACES,
        head_s=rates.head_s,
        head_bytes=rates.head_bytes,
        body_s=rates.body_s,
    )


def make_server(edge: Edge, settings: ApiSettings, *, app: FastAPI | None = None) -> ApiServer:
    """A server that is ready for `serve()`; logs go to structlog's handlers, not uvicorn's own."""
    rates = edge.options.rates
    config = uvicorn.Config(
        app or create_app(edge),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=bounded_protocol(_bounds(settings, rates)),
        ws="websockets-sansio",
        ws_max_size=settings.socket_frame_limit_bytes,
        # Frames are short and many: compressing each costs more than it saves.
        ws_per_message_deflate=False,
        timeout_keep_alive=round(rates.keep_alive_s),
        timeout_graceful_shutdown=max(1, round(settings.shutdown_s)),
        backlog=2048,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
    )
    return ApiServer(config, edge)


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
